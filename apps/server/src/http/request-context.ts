import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes, randomUUID } from 'node:crypto';
import type { LogFields } from '#libs/telemetry';

/** What a request, or the task that continues it, carries through every await. */
export interface RequestContext {
  readonly request_id: string;
  /** 32 hex digits (W3C Trace Context §3.2.2.3). */
  readonly trace_id: string;
  /** Added to every line written meanwhile, and to the one line at the end. */
  readonly fields: LogFields;
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;

const storage = new AsyncLocalStorage<RequestContext>();

/** The context of the request or task that is running; undefined outside of both. */
export function requestContext(): RequestContext | undefined {
  return storage.getStore();
}

/** Adds fields to the one line at the end of the request (and to every line until then). Later values win. */
export function annotate(fields: LogFields): void {
  const context = storage.getStore();
  if (context) Object.assign(context.fields, fields);
}

/** Runs `work` with this context: for a request, and for a task that continues the trace of one. */
export function inContext<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}

/** The fields every line gets from the request that is running. */
export function contextFields(): LogFields {
  return storage.getStore()?.fields ?? {};
}

/** A context of what the caller sent: its ids where they are well formed, else new ones. */
export function newRequestContext(headers: { requestId?: string; traceparent?: string }): RequestContext {
  const request_id = requestIdOf(headers.requestId);
  const parent = traceOf(headers.traceparent);
  const trace_id = parent?.trace_id ?? randomBytes(16).toString('hex');
  const span = { span_id: randomBytes(8).toString('hex'), ...(parent && { parent_span_id: parent.span_id }) };
  return { request_id, trace_id, fields: { request_id, trace_id, ...span } };
}

/** The caller's id if it matches `[A-Za-z0-9._-]{1,64}`, else a new UUIDv4. */
function requestIdOf(given: string | undefined): string {
  return given !== undefined && REQUEST_ID.test(given) ? given : randomUUID();
}

/** W3C Trace Context §3.2 and §4.3: version ff, ids of zeros, and a version 00 with a tail are invalid. */
function traceOf(traceparent: string | undefined): { trace_id: string; span_id: string } | undefined {
  const [, version, trace_id, span_id, tail] = TRACEPARENT.exec(traceparent?.trim() ?? '') ?? [];
  if (!trace_id || !span_id || version === 'ff' || (version === '00' && tail !== undefined)) return undefined;
  if (/^0+$/.test(trace_id) || /^0+$/.test(span_id)) return undefined;
  return { trace_id, span_id };
}
