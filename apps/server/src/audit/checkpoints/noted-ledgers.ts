import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { hexOf } from '#libs/ledger';
import { SYSTEM } from '../domain/origin.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { eventOf, LedgerEntries } from '../storage/ledger-entries.store.js';
import { Ledgers, type Ledger } from '../storage/ledgers.store.js';
import { Suspending } from './suspending.js';

const PAGE = 1_000;

/** What the system ledger says of another one. */
interface Note {
  ledger: string;
  size: number;
  /** Hex. */
  root: string;
  origin_sha256: string;
}

/** Whether the ledgers that the system ledger noted are all there, and not shorter or others than they were. */
@Injectable()
export class NotedLedgers {
  constructor(
    private readonly ledgers: Ledgers,
    private readonly entries: LedgerEntries,
    private readonly checkpoints: Checkpoints,
    private readonly suspending: Suspending,
  ) {}

  /** Suspends those that are not. A system ledger that is suspended itself is no witness. */
  async check(): Promise<void> {
    if ((await this.ledgers.find(SYSTEM))?.state !== 'open') return;
    for (const note of await this.newest()) {
      const ledger = await this.ledgers.find(note.ledger);
      if (ledger) {
        const reason = await this.contradiction(ledger, note);
        if (reason !== undefined && ledger.state === 'open') await this.suspending.suspend(ledger, reason);
        continue;
      }
      const lost = { _id: note.ledger, origin: this.ledgers.originOf(note.ledger) };
      await this.suspending.suspendLost(lost, `the system ledger noted ${note.size} entries of a ledger that is gone`);
    }
  }

  /** One of each ledger: those of the last hour that has any. */
  private async newest(): Promise<Note[]> {
    const notes = new Map<string, Note>();
    let hour: string | undefined;
    for (let before: { ts: string; seq: number } | undefined; ;) {
      const page = await this.entries.page(SYSTEM, { kind: 'ledger.noted', before, limit: PAGE });
      for (const { ts, bytes } of page) {
        hour ??= hourOf(ts);
        if (hourOf(ts) !== hour) return [...notes.values()];
        const note = eventOf(bytes)?.data as Note | undefined;
        if (note && !notes.has(note.ledger)) notes.set(note.ledger, note);
      }
      if (page.length < PAGE) return [...notes.values()];
      before = page.at(-1);
    }
  }

  private async contradiction({ _id: tenant, origin, former = [] }: Ledger, note: Note): Promise<string | undefined> {
    const isOf = (name: string): boolean => sha256(name) === note.origin_sha256;
    // Of an incarnation that was given up, what lies beyond its last good checkpoint is known to be lost.
    const lost = former.some((before) => isOf(before.origin) && before.good_size < note.size);
    if (lost || (!isOf(origin) && !former.some((before) => isOf(before.origin)))) return undefined;
    const size = ((await this.entries.head(tenant))?.seq ?? -1) + 1;
    if (size < note.size) return `the store has ${size} entries, the system ledger noted ${note.size}`;
    const signed = await this.checkpoints.at(tenant, note.size);
    if (!signed) return `the checkpoint of size ${note.size} was noted in the system ledger and is missing`;
    if (hexOf(signed.root) !== note.root) return `the system ledger noted another tree of size ${note.size}`;
    return undefined;
  }
}

/** The hour in an RFC 3339 time. */
const hourOf = (ts: string): string => ts.slice(0, 13);

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
