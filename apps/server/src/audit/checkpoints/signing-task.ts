import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { codeOf } from '#libs/kernel';
import { Leases, type Lease } from '#libs/mongo';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { Appenders } from '../append/appenders.js';
import { NoteLedgers } from '../commands/note-ledgers.command.js';
import { Ledgers, type Ledger } from '../storage/ledgers.store.js';
import { CheckpointSigner } from './checkpoint-signer.js';

/** A checkpoint at most this often, in milliseconds. */
const EVERY_MS = 250;
/** How often ledgers are listed, for those that other processes append to. */
const LIST_MS = 1_000;
const LEASE_MS = 15_000;
const RENEW_MS = 5_000;

/**
 * Signs the ledgers that grew, in the role `ledger`. The lease lets one process do it; two would sign the same trees.
 * Appending never waits for this.
 */
@Injectable()
export class SigningTask implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private lease: Lease | null = null;
  private renewedAt = 0;
  private lastFailure: string | undefined;
  private listed: { ledgers: Ledger[]; at: number } = { ledgers: [], at: -LIST_MS };

  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'roles' | 'dataDir'>,
    private readonly ledgers: Ledgers,
    private readonly signer: CheckpointSigner,
    private readonly appenders: Appenders,
    private readonly leases: Leases,
    private readonly commands: CommandBus,
    private readonly log: Log,
  ) {}

  /** Rejects with AUDIT.ORIGIN_CHANGED. A store that was set back is found here, before anything is appended to it. */
  async onApplicationBootstrap(): Promise<void> {
    await this.ledgers.assertOrigins();
    if (!this.settings.roles.includes('ledger')) return;
    for (const ledger of await this.ledgers.all()) {
      const reason = await this.signer.contradiction(ledger);
      if (reason !== undefined && ledger.state === 'open') await this.suspend(ledger, reason);
    }
    this.running = this.loop();
  }

  /** What was recorded before is signed before this resolves, if the store answers. */
  async onApplicationShutdown(): Promise<void> {
    await this.appenders.idle();
    this.stopping.abort();
    await this.running;
    if (this.running && this.lease) {
      await this.signAll(await this.ledgers.all()).catch((error: unknown) => this.failed(error));
      await this.leases.release(this.lease).catch(() => undefined); // it ends by itself
    }
  }

  private async loop(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.turn().then(
        () => (this.lastFailure = undefined),
        (error: unknown) => this.failed(error),
      );
      await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async turn(): Promise<void> {
    if (!(await this.holdsLease())) return;
    if (performance.now() - this.listed.at >= LIST_MS) {
      this.listed = { ledgers: await this.ledgers.all(), at: performance.now() };
    }
    await this.signAll(this.listed.ledgers);
    await this.commands.execute(new NoteLedgers());
  }

  private async signAll(ledgers: readonly Ledger[]): Promise<void> {
    for (const ledger of ledgers) {
      if (ledger.state === 'suspended') continue;
      const outcome = await this.signer.sign(ledger);
      if (outcome.state === 'contradicted') await this.suspend(ledger, outcome.reason);
    }
  }

  /** The store does not hold what was signed: an operator has to look, and until then nothing is added. */
  private async suspend({ _id: tenant }: Ledger, reason: string): Promise<void> {
    await this.ledgers.suspend(tenant, reason);
    this.listed.at = -LIST_MS;
    this.log.error('audit.suspended', { tenant_id: tenant, error_code: 'AUDIT.SUSPENDED', error_message: reason });
  }

  private async holdsLease(): Promise<boolean> {
    const now = performance.now();
    if (this.lease && now - this.renewedAt < RENEW_MS) return true;
    if (this.lease && !(await this.leases.renew(this.lease))) this.lease = null;
    this.lease ??= await this.leases.acquire('ledger-signer', ownerOf(this.settings.dataDir), LEASE_MS);
    this.renewedAt = now;
    return this.lease !== null;
  }

  private failed(error: unknown): void {
    this.log.warn('audit.sign_failed', {
      error_code: codeOf(error),
      error_message: error instanceof Error ? error.message : '',
    });
  }
}

/** The same after a restart on the same data folder, which no second process can hold: no waiting for its own lease. */
function ownerOf(dataDir: string): string {
  return createHash('sha256').update(`${hostname()}\n${dataDir}`).digest('hex').slice(0, 32);
}
