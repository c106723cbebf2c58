import mongoose from 'mongoose';

/** An event as it will stand in the ledger: frozen before the business write, never rebuilt after it. */
export interface OutboxEvent {
  id: string;
  tenant: string;
  kind: string;
  /** Canonical bytes. */
  bytes: Uint8Array;
}

/** An event waiting in its aggregate. */
export interface OutboxItem {
  id: string;
  kind: string;
  bytes: mongoose.mongo.Binary;
}

/** What an aggregate carries besides its state. */
export interface OutboxFields {
  outbox: OutboxItem[];
  /** When the relay should look; absent while nothing waits. */
  outbox_due?: Date;
  /** How often the first event that waits has failed, in recording or in a reaction. */
  outbox_attempts?: number;
}

/** How long the command that wrote an event has to drain it itself before the relay steps in, in milliseconds. */
const GRACE_MS = 2_000;

/** To spread into an aggregate's Mongoose schema. */
export const outboxSchemaFields = {
  outbox: {
    type: [
      new mongoose.Schema({ id: String, kind: String, bytes: mongoose.Schema.Types.Buffer }, { _id: false, id: false }),
    ],
    default: [],
  },
  outbox_due: { type: Date, required: false },
  outbox_attempts: { type: Number, required: false },
} as const;

/** For an insert: the events that the new state causes, in the same document. */
export function outboxOf(events: readonly OutboxEvent[]): OutboxFields {
  if (events.length === 0) return { outbox: [] };
  return { outbox: events.map(waiting), outbox_due: due() };
}

/** For an update: spread `$push` and `$set` into those of the state's own change, so that both are one write. */
export function outboxUpdate(events: readonly OutboxEvent[]): {
  $push: { outbox: { $each: OutboxItem[] } };
  $set: { outbox_due: Date };
} {
  return { $push: { outbox: { $each: events.map(waiting) } }, $set: { outbox_due: due() } };
}

function waiting({ id, kind, bytes }: OutboxEvent): OutboxItem {
  return { id, kind, bytes: new mongoose.mongo.Binary(bytes) };
}

function due(): Date {
  return new Date(Date.now() + GRACE_MS);
}
