import { setTimeout as sleep } from 'node:timers/promises';
import { AuditError } from '../audit.errors.js';
import type { RecordedEvent } from '../audit.types.js';
import { sameBytes, type Head, type PreparedEvent } from '../domain/entry.js';
import type { InsertOutcome, LedgerEntries } from '../storage/ledger-entries.store.js';
import type { AppendTurns } from './append-turns.js';
import { Flush, refuse, settle, type Wanted } from './flush.js';

/** Flushes in a row that settled nothing, before the callers are told that the outcome is unknown. */
const FRUITLESS_FLUSHES = 12;
const BACK_OFF_MS = 4;
const MAX_BACK_OFF_MS = 500;

/** What an appender stands on; each may reject, and then the events at hand are refused with what it rejected with. */
export interface AppenderPorts {
  entries: Pick<LedgerEntries, 'staged' | 'find'>;
  /** The newest entry by a majority read; refuses a ledger that is suspended or was rolled back. */
  loadHead(): Promise<Head>;
  /** Before each flush: refuses a suspended ledger. Resolves with which incarnation is open. */
  assertOpen(): Promise<string>;
  turns: Pick<AppendTurns, 'take' | 'contended' | 'giveBack'>;
}

/**
 * The one writer of a ledger in this process: numbers and chains events in group commits, one under way at a time.
 * The next one is made ready meanwhile (hashed, chained, serialised); it is sent when the one before is acknowledged
 * in full, and made anew when it is not.
 *
 * Any number of these, in any number of processes, may append to the same ledger. The unique index on (tenant, seq)
 * is what keeps the chain from forking: an entry carries the hash of the one before it, and only one of two writers
 * gets a seq. An event is acknowledged when a majority has it in its journal, and not before.
 */
export class LedgerAppender {
  private queue: Wanted[] = [];
  private next: Flush | undefined;
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
    if (this.next) this.filled(this.next.from);
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
      this.queue = this.takenBack();
    } while (this.queue.length > 0);
    this.pumping = undefined;
  }

  /**
   * Callers that the last flush woke come back within one turn of the event loop, and a lone caller loses nothing by
   * it. A large flush goes at once: they are in the next.
   */
  private async anythingWaits(): Promise<boolean> {
    if (!this.next?.large) await new Promise(setImmediate);
    return this.queue.length > 0 || (this.next?.size ?? 0) > 0;
  }

  private async flushNext(): Promise<void> {
    let flush: Flush | undefined;
    try {
      const head = await this.ready();
      flush = this.filled(head); // with what came while this process waited for its turn
      this.next = undefined;
      await this.flush(flush);
    } catch (error) {
      this.head = undefined;
      for (const { waiters } of flush?.wanted ?? this.takenBack()) for (const waiter of waiters) waiter.reject(error);
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

  private async flush(first: Flush): Promise<void> {
    let flush = first;
    let cause: unknown;
    for (let fruitless = 0; fruitless < FRUITLESS_FLUSHES; fruitless++) {
      const outcome = await this.inserted(flush);
      // If the process dies here, the entries are in the ledger and nobody was told: recording them again finds them.
      const { wanted, from } = flush;
      const told = (): void => tell(wanted.slice(0, outcome.acknowledged), from);
      if (outcome.acknowledged === wanted.length) {
        this.head = flush.head;
        setImmediate(told); // a large flush that waits is sent first
        return;
      }
      told();
      cause = outcome.cause;
      this.head = undefined;
      if (outcome.duplicate) this.ports.turns.contended();
      const missing = await this.missing(wanted.slice(outcome.acknowledged));
      if (missing.length === 0) return;
      if (missing.length < wanted.length) fruitless = -1;
      else await sleep(Math.min(MAX_BACK_OFF_MS, BACK_OFF_MS * 2 ** fruitless) * (0.5 + Math.random()));
      flush = this.stagedFrom(await this.ready(), missing);
    }
    throw new AuditError('AUDIT.OUTCOME_UNKNOWN', `the store did not take ${flush.size} entries of ${this.tenant}`, {
      cause,
    });
  }

  /** While the flush is under way the next one is made ready. */
  private async inserted(flush: Flush): Promise<InsertOutcome> {
    const outcome = flush.insert();
    await new Promise(setImmediate); // it is on its way
    this.filled(flush.head);
    return outcome;
  }

  /** The next flush, from this head on, with what waits. */
  private filled(head: Head): Flush {
    if (this.next?.from !== head) {
      this.queue = this.takenBack();
      this.next = this.stagedFrom(head, []);
    }
    let taken = 0;
    while (taken < this.queue.length && !this.next.full) this.next.add(this.queue[taken++]!);
    if (taken > 0) this.queue = this.queue.slice(taken);
    return this.next;
  }

  /** Everything that waits, in order; what was made ready is given up. */
  private takenBack(): Wanted[] {
    const waiting = [...(this.next?.wanted ?? []), ...this.queue];
    this.next = undefined;
    this.queue = [];
    return waiting;
  }

  private stagedFrom(head: Head, wanted: readonly Wanted[]): Flush {
    const flush = new Flush(this.tenant, head, this.ports.entries.staged());
    for (const each of wanted) flush.add(each);
    return flush;
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

function tell(acknowledged: readonly Wanted[], from: Head): void {
  acknowledged.forEach((wanted, at) => settle(wanted, from.seq + 1 + at));
}
