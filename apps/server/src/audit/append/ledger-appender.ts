import { setTimeout as sleep } from 'node:timers/promises';
import { AuditError } from '../audit.errors.js';
import type { RecordedEvent } from '../audit.types.js';
import { chained, sameBytes, type Head, type PreparedEvent } from '../domain/entry.js';
import type { LedgerEntries } from '../storage/ledger-entries.store.js';
import type { AppendTurns } from './append-turns.js';

/** One flush is one insert command: bounded, so that no caller waits for a batch that never ends. */
const FLUSH_EVENTS = 1_000;
const FLUSH_BYTES = 4 * 1024 * 1024;
/** Flushes in a row that settled nothing, before the callers are told that the outcome is unknown. */
const FRUITLESS_FLUSHES = 12;
const BACK_OFF_MS = 4;
const MAX_BACK_OFF_MS = 500;

/** What an appender stands on; each may reject, and then the events at hand are refused with what it rejected with. */
export interface AppenderPorts {
  entries: Pick<LedgerEntries, 'insert' | 'find'>;
  /** The newest entry by a majority read; refuses a ledger that is suspended or was rolled back. */
  loadHead(): Promise<Head>;
  /** Before each flush: refuses a suspended ledger. Resolves with which incarnation is open. */
  assertOpen(): Promise<string>;
  turns: Pick<AppendTurns, 'take' | 'contended' | 'giveBack'>;
}

interface Waiter {
  resolve(recorded: RecordedEvent): void;
  reject(error: unknown): void;
}

interface Wanted {
  event: PreparedEvent;
  waiters: Waiter[];
}

/**
 * The one writer of a ledger in this process: numbers and chains events in group commits.
 *
 * Any number of these, in any number of processes, may append to the same ledger. The unique index on (tenant, seq)
 * is what keeps the chain from forking: an entry carries the hash of the one before it, and only one of two writers
 * gets a seq. An event is acknowledged when a majority has it in its journal, and not before.
 */
export class LedgerAppender {
  private queue: Wanted[] = [];
  private head: Head | undefined;
  private incarnation: string | undefined;
  private pumping: Promise<void> | undefined;

  constructor(
    private readonly tenant: string,
    private readonly ports: AppenderPorts,
  ) {}

  /**
   * Resolves with the seq of each event, in the order given, once all are durable; an event that is there already
   * keeps its seq. Rejects with AUDIT.EVENT_CONFLICT (same id, other bytes), AUDIT.OUTCOME_UNKNOWN (the store did not
   * say; call again with the same events), or with what loading the head rejected with. Some of the events may be
   * recorded when it rejects.
   */
  async append(events: readonly PreparedEvent[]): Promise<RecordedEvent[]> {
    const recorded = events.map(
      (event) =>
        new Promise<RecordedEvent>((resolve, reject) => this.queue.push({ event, waiters: [{ resolve, reject }] })),
    );
    this.pumping ??= this.pump();
    const outcomes = await Promise.allSettled(recorded);
    return outcomes.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.pumping;
  }

  /** Flushes while anything waits. What arrives during a flush makes up the next one: the store sets the pace. */
  private async pump(): Promise<void> {
    do {
      while (await this.anythingWaits()) await this.flushNext();
      this.ports.turns.giveBack(this.head);
    } while (this.queue.length > 0);
    this.pumping = undefined;
  }

  /** Callers that the last flush woke come back within one turn of the event loop; a lone caller loses nothing. */
  private async anythingWaits(): Promise<boolean> {
    await new Promise(setImmediate);
    return this.queue.length > 0;
  }

  private async flushNext(): Promise<void> {
    let batch: Wanted[] = [];
    try {
      const head = await this.ready();
      batch = this.nextBatch(); // with what came while this process waited for its turn
      await this.flush(batch, head);
    } catch (error) {
      this.head = undefined;
      if (batch.length === 0) batch = this.nextBatch();
      for (const { waiters } of batch) for (const waiter of waiters) waiter.reject(error);
    }
  }

  /** The head to go on from, when this process may write. */
  private async ready(): Promise<Head> {
    const taken = await this.ports.turns.take(this.head);
    if (taken !== 'go on') this.head = taken.head;
    const incarnation = await this.ports.assertOpen();
    // What was known of the one before need not be in the store any more.
    if (incarnation !== this.incarnation) this.head = undefined;
    this.incarnation = incarnation;
    return (this.head ??= await this.ports.loadHead());
  }

  /** The next events, the same id only once: one with other bytes is refused here, before numbers are given. */
  private nextBatch(): Wanted[] {
    const batch = new Map<string, Wanted>();
    let bytes = 0;
    let taken = 0;
    for (const wanted of this.queue) {
      bytes += wanted.event.bytes.length;
      if (taken > 0 && (batch.size === FLUSH_EVENTS || bytes > FLUSH_BYTES)) break;
      taken += 1;
      const same = batch.get(wanted.event.id);
      if (!same) batch.set(wanted.event.id, wanted);
      else if (sameBytes(same.event.leafHash, wanted.event.leafHash)) same.waiters.push(...wanted.waiters);
      else refuse(wanted);
    }
    this.queue = this.queue.slice(taken);
    return [...batch.values()];
  }

  private async flush(batch: Wanted[], from: Head): Promise<void> {
    let rest = batch;
    let head = from;
    let cause: unknown;
    for (let fruitless = 0; fruitless < FRUITLESS_FLUSHES; fruitless++) {
      const entries = chained(
        this.tenant,
        head,
        rest.map(({ event }) => event),
      );
      const outcome = await this.ports.entries.insert(entries);
      // If the process dies here, the entries are in the ledger and nobody was told: recording them again finds them.
      for (let i = 0; i < outcome.acknowledged; i++) settle(rest[i]!, entries[i]!.seq);
      if (outcome.acknowledged === rest.length) {
        const last = entries.at(-1);
        if (last) this.head = { seq: last.seq, chainHash: last.chain_hash };
        return;
      }
      cause = outcome.cause;
      this.head = undefined;
      if (outcome.duplicate) this.ports.turns.contended();
      const missing = await this.missing(rest.slice(outcome.acknowledged));
      if (missing.length === 0) return;
      if (missing.length < rest.length) fruitless = -1;
      else await sleep(Math.min(MAX_BACK_OFF_MS, BACK_OFF_MS * 2 ** fruitless) * (0.5 + Math.random()));
      rest = missing;
      head = await this.ready();
    }
    throw new AuditError('AUDIT.OUTCOME_UNKNOWN', `the store did not take ${rest.length} entries of ${this.tenant}`, {
      cause,
    });
  }

  /**
   * Acknowledges what a majority read shows, refuses ids that are there with other bytes, and returns the others. A
   * bulk error does not say which index failed and a lost reply says nothing, so nothing is inferred from either.
   */
  private async missing(rest: Wanted[]): Promise<Wanted[]> {
    const there = await this.ports.entries.find(
      this.tenant,
      rest.map(({ event }) => event.id),
    );
    return rest.filter((wanted) => {
      const found = there.get(wanted.event.id);
      if (!found) return true;
      if (sameBytes(found.bytes, wanted.event.bytes)) settle(wanted, found.seq);
      else refuse(wanted);
      return false;
    });
  }
}

function settle({ event, waiters }: Wanted, seq: number): void {
  for (const waiter of waiters) waiter.resolve({ id: event.id, seq });
}

function refuse({ event, waiters }: Wanted): void {
  const error = new AuditError('AUDIT.EVENT_CONFLICT', `event ${event.id} is recorded with other bytes`);
  for (const waiter of waiters) waiter.reject(error);
}
