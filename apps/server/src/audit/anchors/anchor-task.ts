import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { codeOf } from '#libs/kernel';
import { equalBytes, isWitnessed } from '#libs/ledger';
import { KeptLease, Leases } from '#libs/mongo';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { AuditError } from '../audit.errors.js';
import { SigningTask } from '../checkpoints/signing-task.js';
import { Suspending } from '../checkpoints/suspending.js';
import { leaseOwner } from '../lease-owner.js';
import { PublicKeys } from '../keys/public-keys.js';
import { Rounds } from '../rounds.js';
import { Anchors, type AnchorPlace } from '../storage/anchors.store.js';
import { Checkpoints, type StoredCheckpoint } from '../storage/checkpoints.store.js';
import { Ledgers, type Ledger } from '../storage/ledgers.store.js';
import { TileEntries } from '../tiers/tile-entries.js';
import { Tiles } from '../storage/tiles.store.js';
import { LedgerHashTiles } from '../tiles/ledger-hash-tiles.js';
import type { AnchorTarget } from './anchor-target.js';
import { AnchorTargets } from './anchor-targets.js';
import { witnessName } from './anchored-note.js';

const MINUTE_MS = 60_000;
/** How often it is looked for what is due, and after how long a first failure is tried again, in milliseconds. */
const LOOK_MS = 5_000;
const LEASE_MS = 60_000;
/** How long others may keep a server from stopping. */
const LAST_MS = 2_000;

/** Codes that say what a person has to look at; others may mend themselves. */
const ALARMING: readonly string[] = [
  'AUDIT.ANCHOR_MISMATCH',
  'AUDIT.ANCHOR_CONTRADICTED',
  'AUDIT.WITNESS_CONTRADICTED',
  'AUDIT.PROOF_CONTRADICTED',
];

/**
 * Anchors the newest published checkpoint of every ledger, in the role `ledger`, as often as the settings say. The
 * lease lets one process do it; two would anchor the same. Nothing waits for this.
 */
@Injectable()
export class AnchorTask implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly rounds: Rounds;
  private readonly lease: KeptLease;
  private readonly everyMs: number;
  /** By ledger and target: when it is due, by this process's clock, and how often it failed in a row. */
  private readonly plans = new Map<string, { dueAt: number; failures: number }>();
  /** By origin: witnesses of the policy that say they cosigned another history. */
  private readonly contradicting = new Map<string, Set<string>>();

  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'roles' | 'dataDir' | 'audit'>,
    private readonly targets: AnchorTargets,
    private readonly anchors: Anchors,
    private readonly ledgers: Ledgers,
    private readonly checkpoints: Checkpoints,
    private readonly tiles: Tiles,
    private readonly entries: TileEntries,
    private readonly keys: PublicKeys,
    private readonly signing: SigningTask,
    private readonly suspending: Suspending,
    leases: Leases,
    private readonly log: Log,
  ) {
    this.everyMs = settings.audit.anchors.minutes * MINUTE_MS;
    this.lease = new KeptLease(leases, 'ledger-anchors', leaseOwner(settings.dataDir), LEASE_MS);
    this.rounds = new Rounds(
      () => this.turn(),
      (error) => this.turnFailed(error),
      () => Math.min(LOOK_MS, this.everyMs),
    );
  }

  /** Rejects with AUDIT.WITNESS_POLICY_INVALID when a witness of the policy is this service itself. */
  async onApplicationBootstrap(): Promise<void> {
    if (!this.settings.roles.includes('ledger') || this.targets.all.length === 0) return;
    const own = await this.keys.cosignerKeys();
    const witnesses = this.targets.policy?.witnesses ?? [];
    if (witnesses.some(({ key }) => own.some(({ publicKey }) => equalBytes(publicKey, key.publicKey)))) {
      throw new AuditError(
        'AUDIT.WITNESS_POLICY_INVALID',
        'expected witnesses of others, found the key of this service',
      );
    }
    this.rounds.start();
  }

  /** What was signed last is anchored before this resolves, wherever that is done at once. */
  async onApplicationShutdown(): Promise<void> {
    await this.rounds.stop();
    if (this.lease.isHeld) {
      await this.signing.stopped();
      await this.lastTurn(AbortSignal.timeout(LAST_MS)).catch((error: unknown) => this.turnFailed(error));
      await this.lease.release();
    }
    await this.targets.store?.close();
  }

  /** Everything that is due, once. Rejects when the database does not answer. */
  async turn(): Promise<void> {
    const { signal } = this.rounds;
    for (const ledger of await this.open()) {
      for (const target of this.targets.all) {
        if (signal.aborted || !(await this.lease.hold())) return;
        const place = placeOf(ledger, target);
        if (Date.now() >= (await this.planOf(place)).dueAt) await this.anchored(place, target, signal);
      }
    }
  }

  /** Everything that is not anchored, due or not; who does not answer keeps only what is anchored there waiting. */
  private async lastTurn(signal: AbortSignal): Promise<void> {
    const ledgers = await this.open();
    const anchoredAt = async (target: AnchorTarget): Promise<void> => {
      for (const ledger of ledgers) if (!signal.aborted) await this.anchored(placeOf(ledger, target), target, signal);
    };
    if (await this.lease.hold()) await Promise.all(this.targets.all.map(anchoredAt));
  }

  private async open(): Promise<Ledger[]> {
    return (await this.ledgers.all()).filter(({ state }) => state !== 'suspended');
  }

  private async anchored(place: AnchorPlace, target: AnchorTarget, signal: AbortSignal): Promise<void> {
    const checkpoint = await this.checkpoints.published(place.tenant);
    if (checkpoint?.origin !== place.origin) return;
    if (((await this.anchors.newest(place))?.size ?? 0) >= checkpoint.size) return;
    try {
      await this.anchor(place, checkpoint, target, signal);
      this.plan(place, { dueAt: Date.now() + this.everyMs, failures: 0 });
    } catch (error) {
      if (signal.aborted) return;
      const failures = (await this.planOf(place)).failures + 1;
      this.plan(place, { dueAt: Date.now() + Math.min(this.everyMs, LOOK_MS * 2 ** Math.min(failures, 16)), failures });
      await this.failed(place, error, failures);
    }
  }

  private async anchor(
    place: AnchorPlace,
    checkpoint: StoredCheckpoint,
    target: AnchorTarget,
    signal: AbortSignal,
  ): Promise<void> {
    const { tenant, size } = checkpoint;
    const tiles = new LedgerHashTiles(tenant, this.tiles, this.entries);
    const evidence = await target.anchor({ checkpoint, tiles }, signal);
    // If the process dies here, it is anchored and we do not know: the next turn anchors it again, which is success.
    await this.checkpoints.keepFor(tenant, size, 'anchored');
    if (evidence.cosignature) await this.checkpoints.addCosignatures(tenant, size, [evidence.cosignature]);
    await this.anchors.add(place, checkpoint, evidence);
    this.contradicting.get(place.origin)?.delete(place.name);
  }

  private turnFailed(error: unknown): void {
    this.log.warn('audit.anchor_failed', { error_code: codeOf(error) });
  }

  private async failed(place: AnchorPlace, error: unknown, attempts: number): Promise<void> {
    const code = codeOf(error);
    await this.anchors.failed(place, code);
    const fields = { tenant_id: place.tenant, error_code: code, attempts, resource: `${place.kind}:${place.name}` };
    const message = error instanceof AuditError ? { error_message: error.message } : {};
    if (ALARMING.includes(code)) this.log.error('audit.anchor_failed', { ...fields, ...message });
    else this.log.warn('audit.anchor_failed', { ...fields, ...message });
    if (!this.contradicts(place, code)) return;
    await this.suspending.suspend({ _id: place.tenant, origin: place.origin }, (error as Error).message);
  }

  /** A checkpoint under our own signature is proof; the word of witnesses counts when they would make a quorum. */
  private contradicts({ origin, name }: AnchorPlace, code: string): boolean {
    if (code === 'AUDIT.ANCHOR_CONTRADICTED') return true;
    const { policy } = this.targets;
    if (code !== 'AUDIT.WITNESS_CONTRADICTED' || !policy || policy.quorum === 'none') return false;
    const names = (this.contradicting.get(origin) ?? new Set<string>()).add(name);
    this.contradicting.set(origin, names);
    const saying = policy.witnesses.filter(({ key }) => names.has(witnessName(key)));
    return isWitnessed(policy, new Set(saying.map((witness) => witness.name)));
  }

  /** What another process anchored a moment ago is not due. */
  private async planOf(place: AnchorPlace): Promise<{ dueAt: number; failures: number }> {
    const known = this.plans.get(keyOf(place));
    if (known) return known;
    const newest = await this.anchors.newest(place);
    return this.plan(place, { dueAt: newest ? newest.anchored_at.getTime() + this.everyMs : 0, failures: 0 });
  }

  private plan(place: AnchorPlace, plan: { dueAt: number; failures: number }): { dueAt: number; failures: number } {
    this.plans.set(keyOf(place), plan);
    return plan;
  }
}

const placeOf = ({ _id: tenant, origin }: Ledger, { kind, name }: AnchorTarget): AnchorPlace => ({
  tenant,
  origin,
  kind,
  name,
});

const keyOf = ({ origin, kind, name }: AnchorPlace): string => `${origin} ${kind} ${name}`;
