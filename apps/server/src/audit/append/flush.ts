import { entryAt } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import type { RecordedEvent } from '../audit.types.js';
import { sameBytes, type Head, type PreparedEvent } from '../domain/entry.js';
import type { InsertOutcome, StagedInsert } from '../storage/ledger-entries.store.js';

/** One flush is one insert command: bounded, so that the next can be made ready while it is under way. */
const FLUSH_EVENTS = 512;
const FLUSH_BYTES = 4 * 1024 * 1024;

interface Waiter {
  resolve(recorded: RecordedEvent): void;
  reject(error: unknown): void;
}

/** An event, and who wants it in the ledger. */
export interface Wanted {
  event: PreparedEvent;
  waiters: Waiter[];
}

/** Events numbered and chained after `from`, ready to be inserted: good for nothing when `from` is not the head. */
export class Flush {
  /** Where the ledger stands when all of it is in. */
  head: Head;
  private readonly byId = new Map<string, Wanted>();
  private bytes = 0;

  constructor(
    private readonly tenant: string,
    readonly from: Head,
    private readonly staged: StagedInsert,
  ) {
    this.head = from;
  }

  get wanted(): Wanted[] {
    return [...this.byId.values()];
  }

  get size(): number {
    return this.byId.size;
  }

  get full(): boolean {
    return this.byId.size >= FLUSH_EVENTS || this.bytes >= FLUSH_BYTES;
  }

  /** The same id only once: one with other bytes is refused here, before it gets a number. */
  add(wanted: Wanted): void {
    const { event } = wanted;
    const same = this.byId.get(event.id);
    if (same && !sameBytes(same.event.leafHash, event.leafHash)) return refuse(wanted);
    if (same) return void same.waiters.push(...wanted.waiters);
    const entry = entryAt(this.tenant, this.head.seq + 1, this.head.chainHash, event);
    this.staged.add(entry);
    this.byId.set(event.id, wanted);
    this.bytes += event.bytes.length;
    this.head = { seq: entry.seq, chainHash: entry.chain_hash };
  }

  /** Not worth keeping the store waiting for more. */
  get large(): boolean {
    return this.byId.size >= FLUSH_EVENTS / 2 || this.bytes >= FLUSH_BYTES / 2;
  }

  insert(): Promise<InsertOutcome> {
    return this.staged.insert();
  }
}

export function settle({ event, waiters }: Wanted, seq: number): void {
  for (const waiter of waiters) waiter.resolve({ id: event.id, seq });
}

export function refuse({ event, waiters }: Wanted): void {
  const error = new AuditError('AUDIT.EVENT_CONFLICT', `event ${event.id} is recorded with other bytes`);
  for (const waiter of waiters) waiter.reject(error);
}
