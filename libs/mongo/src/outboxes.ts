import { setTimeout as sleep } from 'node:timers/promises';
import mongoose from 'mongoose';
import { codeOf } from '#libs/kernel';
import type { IndexPlan } from './index-steps.js';
import type { MongoStore } from './mongo.store.js';
import type { OutboxEvent, OutboxFields, OutboxItem } from './outbox.types.js';

/** What another room does because of an event. */
export interface Reaction {
  /** A sentence: `create-task-when-job-submitted`. */
  name: string;
  /** The kind of event it hears. */
  kind: string;
  /**
   * Awaited; must be idempotent, for it is repeated after a crash and after a failure. What it makes has ids derived
   * from the event's id and the reaction's name.
   */
  run(event: OutboxEvent): Promise<void>;
}

/** What the outboxes are handed: they know neither the ledger nor the rooms. */
export interface OutboxPorts {
  /** Resolves when the events are durably recorded, in this order; recording one twice is no change. */
  record(tenant: string, events: OutboxEvent[]): Promise<void>;
  /** True for a failure that no retry can mend. */
  isPermanent(error: unknown): boolean;
  /** Told of every failed attempt; `dead` when the event was given up. */
  failed(failure: OutboxFailure): void;
}

export interface OutboxFailure extends Attempt {
  event: { id: string; kind: string };
  /** `record`, or the reaction's name. */
  step: string;
  dead: boolean;
  error: unknown;
}

/** The index the relay reads by; every collection of aggregates has it. */
export const outboxIndex: IndexPlan = {
  name: 'outbox_due',
  key: { outbox_due: 1 },
  partialFilterExpression: { outbox_due: { $exists: true } },
};

type Aggregate = { _id: string; tenant: string } & OutboxFields;

/** A reaction is given up after this many attempts; recording never is, unless its failure is permanent. */
const MAX_ATTEMPTS = 12;
const RELAY_EVERY_MS = 500;
const RELAY_BATCH = 64;
const MAX_BACK_OFF_MS = 60_000;

/**
 * Moves events from the aggregates that caused them into the ledger, then runs the reactions to them.
 *
 * Order holds within an aggregate: an event waits for the ones before it. The command that wrote the events drains
 * them itself before it answers; the relay is the same code for what a crash or a failure left behind. Two drains of
 * one aggregate may run at once (in two processes): recording and reactions are idempotent.
 */
export class Outboxes {
  private readonly collections: string[] = [];
  private readonly reactions = new Map<string, Reaction[]>();
  private readonly running = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();
  private relay: Promise<void> | undefined;

  constructor(
    private readonly store: MongoStore,
    private readonly ports: OutboxPorts,
  ) {}

  /** Lets the relay look after this collection's aggregates. Called once, when the room starts. */
  aggregate(collection: string): void {
    this.collections.push(collection);
  }

  react(reaction: Reaction): void {
    this.reactions.set(reaction.kind, [...(this.reactions.get(reaction.kind) ?? []), reaction]);
  }

  /**
   * Records what waits in this aggregate and runs its reactions. Rejects with what recording rejected with; the
   * events stay and the relay goes on. A failing reaction does not reject: it is retried with back-off.
   */
  async drain(collection: string, id: string): Promise<void> {
    const key = `${collection}/${id}`;
    const before = this.running.get(key);
    // What was written after the running drain read the outbox needs a drain of its own.
    const own = (before ?? Promise.resolve()).catch(() => undefined).then(() => this.drainNow(collection, id));
    this.running.set(key, own);
    try {
      await own;
    } finally {
      if (this.running.get(key) === own) this.running.delete(key);
    }
  }

  start(): void {
    this.relay ??= this.relayLoop();
  }

  /** Resolves when the relay has finished what it had begun. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.relay;
    await Promise.allSettled(this.running.values());
  }

  private async drainNow(collection: string, id: string): Promise<void> {
    const aggregates = this.store.collection<Aggregate>(collection);
    const found = await aggregates.findOne(
      { _id: id },
      { projection: { tenant: 1, outbox: 1, outbox_due: 1, outbox_attempts: 1 } },
    );
    if (!found || (found.outbox.length === 0 && found.outbox_due === undefined)) return;
    const { tenant } = found;
    const events = found.outbox.map((item) => ({ id: item.id, tenant, kind: item.kind, bytes: bytesOf(item) }));
    const at = { collection, aggregate: id, tenant, attempts: (found.outbox_attempts ?? 0) + 1 };
    if (events.length > 0 && !(await this.recorded(at, events))) return;
    // If the process dies here, the events are in the ledger and recording them again is no change.
    for (const event of events) {
      if (!(await this.reacted(at, event))) return;
      await aggregates.updateOne({ _id: id }, { $pull: { outbox: { id: event.id } }, $unset: { outbox_attempts: 1 } });
      at.attempts = 1;
    }
    // If the process dies here, the relay finds an empty outbox and clears its due time. The filter keeps one that a
    // new event set meanwhile.
    await aggregates.updateOne({ _id: id, outbox: [] }, { $unset: { outbox_due: 1 } });
  }

  private async recorded(at: Attempt, events: OutboxEvent[]): Promise<boolean> {
    try {
      await this.ports.record(at.tenant, events);
      return true;
    } catch (error) {
      if (this.ports.isPermanent(error)) return this.recordedOneByOne(at, events);
      await this.postpone(at, events[0]!, 'record', error);
      throw error;
    }
  }

  /** One of the events can never be recorded: the ones before it go in, and that one to the dead letters. */
  private async recordedOneByOne(at: Attempt, events: OutboxEvent[]): Promise<boolean> {
    for (const event of events) {
      try {
        await this.ports.record(at.tenant, [event]);
      } catch (error) {
        if (this.ports.isPermanent(error)) {
          await this.bury(at, event, 'record', error);
          return false;
        }
        await this.postpone(at, event, 'record', error);
        throw error;
      }
    }
    return true;
  }

  private async reacted(at: Attempt, event: OutboxEvent): Promise<boolean> {
    for (const reaction of this.reactions.get(event.kind) ?? []) {
      try {
        await reaction.run(event);
      } catch (error) {
        if (at.attempts >= MAX_ATTEMPTS) await this.bury(at, event, reaction.name, error);
        else await this.postpone(at, event, reaction.name, error);
        return false;
      }
    }
    return true;
  }

  private async postpone(at: Attempt, event: OutboxEvent, step: string, error: unknown): Promise<void> {
    this.ports.failed({ ...at, event, step, dead: false, error });
    await this.store
      .collection<Aggregate>(at.collection)
      .updateOne(
        { _id: at.aggregate, 'outbox.id': event.id },
        { $set: { outbox_attempts: at.attempts, outbox_due: new Date(Date.now() + backOff(at.attempts)) } },
      );
  }

  /** Visible for ever in `outbox_dead`; the aggregate's later events go on. */
  private async bury(at: Attempt, { id, kind, bytes }: OutboxEvent, step: string, error: unknown): Promise<void> {
    this.ports.failed({ ...at, event: { id, kind }, step, dead: true, error });
    const letter = { ...at, event_id: id, kind, bytes: new mongoose.mongo.Binary(bytes), step, code: codeOf(error) };
    await this.store
      .collection<DeadLetter>('outbox_dead')
      .updateOne({ _id: `${id}/${step}` }, { $set: letter }, { upsert: true });
    // If the process dies here, the event is buried again under the same id.
    await this.store
      .collection<Aggregate>(at.collection)
      .updateOne(
        { _id: at.aggregate },
        { $pull: { outbox: { id } }, $set: { outbox_due: new Date() }, $unset: { outbox_attempts: 1 } },
      );
  }

  private async relayLoop(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      for (const collection of this.collections) await this.relayOnce(collection).catch(() => undefined);
      await sleep(RELAY_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async relayOnce(collection: string): Promise<void> {
    const due = await this.store
      .collection<Aggregate>(collection)
      .find({ outbox_due: { $lte: new Date() } }, { projection: { _id: 1 }, limit: RELAY_BATCH })
      .sort({ outbox_due: 1 })
      .toArray();
    for (const { _id } of due) {
      if (this.stopping.signal.aborted) return;
      await this.drain(collection, _id).catch(() => undefined); // told by `failed`, and due again later
    }
  }
}

interface Attempt {
  collection: string;
  aggregate: string;
  tenant: string;
  /** Which attempt this is, from 1. */
  attempts: number;
}

interface DeadLetter extends Attempt {
  _id: string;
  event_id: string;
  kind: string;
  bytes: mongoose.mongo.Binary;
  step: string;
  code: string;
}

function bytesOf(item: OutboxItem): Uint8Array {
  return item.bytes.buffer.subarray(0, item.bytes.position);
}

/** Doubles from half a second, with up to a fifth of jitter; milliseconds. */
function backOff(attempts: number): number {
  return Math.min(MAX_BACK_OFF_MS, 500 * 2 ** (attempts - 1)) * (1 + Math.random() / 5);
}
