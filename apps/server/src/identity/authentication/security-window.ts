import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Log } from '#libs/telemetry';
import type { EventDraft, SealedEvent } from '../../audit/index.js';
import type { Caller } from '../../http/access.js';
import { loggedAddress, plainAddress } from '../../http/source-address.js';
import { Settings } from '../../settings.js';
import { REJECTIONS } from '../events/identity.kinds.js';
import { SystemLedger } from '../ledger/system-ledger.js';

export type Rejection = (typeof REJECTIONS)[number];
type Counts = Record<Rejection, number>;

const WINDOW_MS = 60_000;
/** Sources told apart in a window; the rest are summed up, so that a flood costs one event and not a million. */
const MOST_SOURCES = 256;
/** Events that could not be recorded yet are kept up to this many. */
const MOST_PENDING = 1_024;
const OTHER_SOURCES = '';

/**
 * Refused requests are never told one by one: they are counted, and each window ends in one event per source (401),
 * per credential and permission (403), and one for requests that met no configured key (503).
 *
 * Counts live in memory. If the process dies, those of the running window are lost; the requests they count changed
 * nothing.
 */
@Injectable()
export class SecurityWindow implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** Refused authentications since the start, by reason. */
  readonly totals: Counts = noCounts();
  private rejections = new Map<string, Counts>();
  private denials = new Map<string, { caller: Caller; permission: string; rule: string; count: number }>();
  private unconfigured = 0;
  private pending: SealedEvent[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly settings: Settings,
    private readonly log: Log,
    private readonly ledger: SystemLedger,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.close(), WINDOW_MS).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.close();
  }

  rejected(source: string | undefined, reason: Rejection): void {
    this.totals[reason] += 1;
    const address = plainAddress(source ?? OTHER_SOURCES);
    const key = this.rejections.has(address) || this.rejections.size < MOST_SOURCES ? address : OTHER_SOURCES;
    const counts = this.rejections.get(key) ?? noCounts();
    counts[reason] += 1;
    this.rejections.set(key, counts);
  }

  denied(caller: Caller, permission: string, rule: string): void {
    const key = `${caller.key_id} ${permission} ${rule}`;
    const found = this.denials.get(key) ?? { caller, permission, rule, count: 0 };
    found.count += 1;
    this.denials.set(key, found);
  }

  notConfigured(): void {
    if (this.unconfigured === 0) this.log.error('auth.api_key.not_configured');
    this.unconfigured += 1;
  }

  /** Ends the window: what it counted goes to the log and the ledgers. Never rejects; what fails is kept for the next. */
  async close(): Promise<void> {
    const { rejections, denials, unconfigured } = this;
    this.rejections = new Map();
    this.denials = new Map();
    this.unconfigured = 0;
    for (const [source, counts] of rejections) this.logRejected(source, counts);
    const drafts = [
      ...[...rejections].map(([source, counts]) => rejectedDraft(source, counts)),
      ...[...denials.values()].map(deniedDraft),
      ...(unconfigured > 0 ? [systemDraft('auth.api_key.not_configured', { count: unconfigured })] : []),
    ];
    try {
      this.pending.push(...(await this.ledger.seal(drafts)));
      await this.recordPending();
    } catch (error) {
      this.ledger.warn('auth.summary_delayed', error);
      this.pending = this.pending.slice(-MOST_PENDING);
    }
  }

  /** Recording an event twice is no change, so one whose outcome was unknown is simply recorded again. */
  private async recordPending(): Promise<void> {
    for (const tenant of new Set(this.pending.map((event) => event.tenant))) {
      await this.ledger.record(
        tenant,
        this.pending.filter((event) => event.tenant === tenant),
      );
      this.pending = this.pending.filter((event) => event.tenant !== tenant);
    }
  }

  private logRejected(source: string, counts: Counts): void {
    const source_ip = loggedAddress(source, this.settings.logSourceIp);
    const reasons = REJECTIONS.filter((reason) => counts[reason] > 0).map((reason) => `${reason}=${counts[reason]}`);
    const count = REJECTIONS.reduce((sum, reason) => sum + counts[reason], 0);
    const decision = { decision_effect: 'deny' as const, decision_reason: reasons.join(',') };
    this.log.warn('auth.api_key.rejected', { count, ...decision, ...(source_ip && { source_ip }) });
  }
}

function rejectedDraft(source: string, counts: Counts): EventDraft {
  return systemDraft('auth.api_key.rejected', { ...(source !== OTHER_SOURCES && { source }), ...counts });
}

function systemDraft(kind: string, data: EventDraft['data']): EventDraft {
  const actor = { type: 'system' as const, id: 'identity' };
  return { kind, scope: { tenant: 'system' }, actor, data: { ...data, window_ms: WINDOW_MS } };
}

function deniedDraft({
  caller,
  permission,
  rule,
  count,
}: {
  caller: Caller;
  permission: string;
  rule: string;
  count: number;
}): EventDraft {
  const data = { permission: permission.replace('*', 'all'), rule, count, window_ms: WINDOW_MS };
  const refs = { resource: { type: 'api_key', id: caller.key_id } };
  return { kind: 'access.denied', scope: { tenant: caller.tenant }, actor: caller.actor, refs, data };
}

function noCounts(): Counts {
  return Object.fromEntries(REJECTIONS.map((reason) => [reason, 0])) as Counts;
}
