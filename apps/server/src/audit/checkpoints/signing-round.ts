import { Injectable } from '@nestjs/common';
import { sameBytes, type Head } from '../domain/entry.js';
import { KeyChanges } from '../keys/key-changes.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import type { Ledger } from '../storage/ledgers.store.js';
import { CheckpointSigner } from './checkpoint-signer.js';
import { Suspending } from './suspending.js';

/** Ledgers signed at once: one waits for its disk and its store while another hashes. */
const AT_ONCE = 8;

/** Up to where a ledger is signed, by a turn of this process that found nothing more. */
interface Settled {
  head: Head;
  /** When its cosignature is to be renewed, in milliseconds since 1970. */
  renewAt: number;
}

/** One round over the ledgers: signs those that grew, renews the cosignatures of those that long did not. */
@Injectable()
export class SigningRound {
  private readonly settled = new Map<string, Settled>();

  constructor(
    private readonly signer: CheckpointSigner,
    private readonly entries: LedgerEntries,
    private readonly keyChanges: KeyChanges,
    private readonly suspending: Suspending,
  ) {}

  /** One ledger that fails keeps no other from being signed; rejects with the first failure when all had their turn. */
  async run(ledgers: readonly Ledger[]): Promise<void> {
    const open = ledgers.filter(({ state }) => state === 'open');
    const failures: unknown[] = [];
    const next = open.values();
    const lane = async (): Promise<void> => {
      for (const ledger of next) await this.turn(ledger).catch((error: unknown) => failures.push(error));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    if (failures.length > 0) throw failures[0];
  }

  private async turn(ledger: Ledger): Promise<void> {
    await this.keyChanges.turn(ledger);
    const head = await this.entries.head(ledger._id);
    if (!head) return;
    const settled = this.settled.get(ledger.origin);
    // An idle ledger costs this one look at the end of an index.
    if (!settled || !isSame(settled.head, head)) return this.sign(ledger, head);
    if (Date.now() >= settled.renewAt) settled.renewAt = await this.signer.renewed(ledger);
  }

  private async sign(ledger: Ledger, head: Head): Promise<void> {
    this.settled.delete(ledger.origin);
    const outcome = await this.signer.sign(ledger);
    if (outcome.state === 'contradicted') return this.suspending.suspend(ledger, outcome.reason);
    if (outcome.size === head.seq + 1) this.settled.set(ledger.origin, { head, renewAt: Date.now() });
  }
}

const isSame = (a: Head, b: Head): boolean => a.seq === b.seq && sameBytes(a.chainHash, b.chainHash);
