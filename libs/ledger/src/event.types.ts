export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export type ActorType = 'user' | 'service' | 'operator' | 'system';

/**
 * One fact. Members in the order of the canonical bytes; a member without a value is left out, also inside `scope`,
 * `actor` and `refs` (an empty `refs` or `data` is left out too, so that one fact has one spelling).
 */
export interface LedgerEvent {
  /** UUIDv7 (RFC 9562 §5.7), chosen by the producer: the de-duplication key within a tenant. */
  readonly id: string;
  /** When it happened: RFC 3339, UTC, milliseconds, e.g. `2026-11-21T09:00:00.000Z`. */
  readonly ts: string;
  /** `domain.event`, lower case. */
  readonly kind: string;
  readonly scope: { readonly tenant: string; readonly project?: string };
  readonly actor: Actor;
  readonly refs?: Refs;
  /** The minimum for this kind, as its declaration allows: see `checkData`. */
  readonly data?: Readonly<Record<string, JsonValue>>;
  readonly meta: EventMeta;
  readonly sig?: EventSignature;
}

export interface Actor {
  readonly type: ActorType;
  /** A pseudonym (64 lower-case hex digits) where `type` is `user` or `operator`; otherwise an id of ours. */
  readonly id: string;
  readonly client_id?: string;
  /** 12 to 64 lower-case hex digits of the SHA-256 of the token. */
  readonly token_fingerprint?: string;
}

/** What the event is about; a closed list. */
export interface Refs {
  readonly resource?: { readonly type: string; readonly id: string };
  readonly job_id?: string;
  readonly task_id?: string;
  readonly artifact_id?: string;
  readonly request_id?: string;
  readonly trace_id?: string;
  readonly correlation_id?: string;
  readonly case_id?: string;
  readonly bundle_id?: string;
  readonly batch_id?: string;
  readonly source_id?: string;
}

export interface EventMeta {
  /** Version of the schema of `data` for this kind, from 1. */
  readonly schema: number;
  readonly service: string;
  readonly version: string;
  readonly env: string;
  /** When the service took it in, spelt like `ts`. */
  readonly received_at: string;
}

/** Ed25519 over the event's digest; see `signEvent`. */
export interface EventSignature {
  readonly kid: string;
  /** 64 bytes as unpadded base64url. */
  readonly value: string;
}
