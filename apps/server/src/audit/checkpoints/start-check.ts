import { Injectable } from '@nestjs/common';
import { Ledgers } from '../storage/ledgers.store.js';
import { CheckpointSigner } from './checkpoint-signer.js';
import { NotedLedgers } from './noted-ledgers.js';
import { Suspending } from './suspending.js';

/**
 * Compares the store with what was signed, before anything is appended: the marks beside the keys, the newest stored
 * checkpoint, and what the system ledger noted of the others. Whatever is ahead of the store, or is not a part of it,
 * suspends the ledger.
 */
@Injectable()
export class StartCheck {
  constructor(
    private readonly ledgers: Ledgers,
    private readonly signer: CheckpointSigner,
    private readonly noted: NotedLedgers,
    private readonly suspending: Suspending,
  ) {}

  async run(): Promise<void> {
    await this.lostLedgers();
    for (const ledger of await this.ledgers.all()) {
      if (ledger.state === 'suspended') continue;
      const reason = await this.signer.contradiction(ledger);
      if (reason !== undefined) await this.suspending.suspend(ledger, reason);
    }
    await this.noted.check();
  }

  /** Those with a mark that the store does not know at all. */
  async lostLedgers(): Promise<void> {
    const known = new Set((await this.ledgers.all()).map(({ _id }) => _id));
    for (const tenant of await this.signer.marked()) {
      if (known.has(tenant)) continue;
      const mark = await this.signer.highWater(tenant);
      if (!mark) continue;
      const reason = `the store does not know this ledger, ${mark.size} entries were signed`;
      await this.suspending.suspendLost({ _id: tenant, origin: mark.origin }, reason);
    }
  }
}
