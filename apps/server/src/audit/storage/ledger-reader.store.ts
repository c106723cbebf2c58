import { Injectable } from '@nestjs/common';
import { entryId, type LedgerVerifier } from '#libs/ledger';
import { Checkpoints } from './checkpoints.store.js';
import { LedgerEntries } from './ledger-entries.store.js';

/**
 * Documents between two breathers of the event loop, which hashes and checks them in between: whatever else the server
 * does waits so long at most each time. One verification reads at a time in a process (VerifyLedgerHandler).
 */
const STRIDE = 64;
const BATCH = 512;

/** Where a reading stood. */
export interface ReadTo {
  /** Of the newest checkpoint when it began. */
  size: number;
  /** Chain hash of the newest entry when it began, hex; null for an empty ledger. */
  head: string | null;
}

/** Streams a ledger, as it was when the reading began, into a verifier: flat in memory, whatever the store holds. */
@Injectable()
export class LedgerReader {
  constructor(
    private readonly entries: LedgerEntries,
    private readonly checkpoints: Checkpoints,
  ) {}

  /** The caller has read the high-water mark before: then what it counts is there when the entries are read. */
  async read(tenant: string, verifier: Pick<LedgerVerifier, 'checkpoint' | 'entry'>): Promise<ReadTo> {
    const size = await this.checkpoints.newestSize(tenant);
    const head = await this.entries.head(tenant);
    const notes = this.notes(tenant, size);
    let note = await notes.next();
    let read = 0;
    let next = 0;
    const cursor = this.entries.collection
      .find({ tenant }, { promoteBuffers: true, batchSize: BATCH })
      .sort({ seq: 1 });
    for await (const document of cursor) {
      const { seq } = document as { seq: unknown };
      while (!note.done && typeof seq === 'number' && note.value.size <= seq) {
        verifier.checkpoint(note.value.note);
        note = await notes.next();
      }
      // Appended since: the next verification's. Whatever claims no seq at all sorts elsewhere and is read.
      if (typeof seq === 'number' && seq > (head?.seq ?? -1)) continue;
      if (Number.isSafeInteger(seq) && (seq as number) >= next) {
        for await (const lost of this.elsewhere(tenant, next, seq as number)) verifier.entry(lost);
        next = (seq as number) + 1;
      }
      verifier.entry(document);
      if (++read % STRIDE === 0) await new Promise(setImmediate);
    }
    for (; !note.done; note = await notes.next()) verifier.checkpoint(note.value.note);
    for await (const lost of this.elsewhere(tenant, next, Number.MAX_SAFE_INTEGER)) verifier.entry(lost);
    return { size, head: head && hexOf(head.chainHash) };
  }

  /** Entries from `from` to before `to` by their `_id` that another `tenant` hides from the reading. */
  private async *elsewhere(tenant: string, from: number, to: number): AsyncGenerator<unknown, void> {
    if (from >= to) return;
    const cursor = this.entries.collection
      .find(
        { _id: { $gte: entryId(tenant, from), $lt: entryId(tenant, to) } },
        { promoteBuffers: true, batchSize: BATCH },
      )
      .sort({ _id: 1 });
    for await (const document of cursor) if (document.tenant !== tenant) yield document;
  }

  private async *notes(tenant: string, newest: number): AsyncGenerator<{ size: number; note: unknown }, void> {
    const cursor = this.checkpoints.collection
      .find({ tenant, size: { $lte: newest } }, { projection: { _id: 0, size: 1, note: 1 }, batchSize: BATCH })
      .sort({ size: 1 });
    for await (const { size, note } of cursor) yield { size, note };
  }
}

/** The store may hold anything. */
const hexOf = (bytes: unknown): string => (bytes instanceof Uint8Array ? Buffer.from(bytes).toString('hex') : '');
