import type { Actor, Refs } from '#libs/ledger';

/** What a room says happened. Persons are given raw; sealing makes them pseudonyms. */
export interface EventDraft {
  /** UUIDv7; a new one when absent. Reactions give `derivedId(event.id, '<reaction name>')`. */
  id?: string;
  /** When it happened, RFC 3339 with milliseconds; now when absent. */
  ts?: string;
  /** One of the kinds that the rooms declare. */
  kind: string;
  scope: { tenant: string; project?: string };
  /** The id of a user or operator is a person's and becomes a pseudonym. */
  actor: Actor;
  refs?: Refs;
  /** Checked against the kind; fields of form `person` become pseudonyms. */
  data: Record<string, unknown>;
}

/** Who asks for what a room does, for the events that it causes. */
export interface Requester {
  tenant: string;
  actor: Actor;
  /** Of the HTTP request. */
  request_id?: string;
  /** Of the trace that the request belongs to. */
  trace_id?: string;
}

/** What an event of the audit room says of the request that caused it. */
export const refsOf = ({ request_id, trace_id }: Partial<Requester> = {}): Refs => ({
  ...(request_id !== undefined && { request_id }),
  ...(trace_id !== undefined && { trace_id }),
});

/** An event as it will stand in the ledger: validated, canonicalised and frozen. */
export interface SealedEvent {
  id: string;
  tenant: string;
  kind: string;
  /** Canonical bytes. */
  bytes: Uint8Array;
}

/** Where an event stands. */
export interface RecordedEvent {
  id: string;
  seq: number;
}
