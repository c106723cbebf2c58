import type { NextFunction, Request, Response } from 'express';
import type { Log, LogFields } from '#libs/telemetry';
import type { Caller } from './access.js';
import type { RouteAction } from './action.js';
import { inContext, newRequestContext, type RequestContext } from './request-context.js';
import type { RoutedRequest } from './routed-request.js';
import { loggedAddress } from './source-address.js';

/** Written whole, successes too; other successful reads are sampled. */
const ALWAYS = /^(?:promote|result|oauth|auth|config|audit|archive|decision)\./;

/** nginx's code for a caller who left before the answer began. */
const CLIENT_CLOSED = 499;

/**
 * The first middleware: gives the request its context and writes its one line when it has ended, however it ended
 * (answered, refused by the guard, unknown route, reset by either side).
 */
export function accessLine(log: Log, sourceIp: 'full' | 'masked' | 'off') {
  return (request: Request, response: Response, next: NextFunction): void => {
    const context = newRequestContext({
      requestId: header(request, 'x-request-id'),
      traceparent: header(request, 'traceparent'),
    });
    const began = process.hrtime.bigint();
    response.setHeader('X-Request-Id', context.request_id);
    response.once('close', () => {
      const duration_ms = Number((process.hrtime.bigint() - began) / 1_000_000n);
      const source_ip = loggedAddress(request.ip, sourceIp);
      inContext(context, () =>
        written(log, lineOf(request, response, context, { duration_ms, ...(source_ip && { source_ip }) })),
      );
    });
    inContext(context, next);
  };
}

interface Line {
  action: RouteAction;
  code: number;
  fields: LogFields;
  caller: Caller | undefined;
}

function lineOf(request: RoutedRequest, response: Response, context: RequestContext, measured: LogFields): Line {
  const { caller, routed } = request;
  const left = !response.writableFinished;
  const code = left && !response.headersSent ? CLIENT_CLOSED : response.statusCode;
  const size = Number(response.getHeader('content-length'));
  return {
    action: routed?.action ?? { done: 'http.request', failed: 'http.request', sensitive: false },
    code,
    caller,
    fields: {
      route: routed?.route ?? 'unmatched',
      method: request.method,
      code,
      ...measured,
      ...(caller && { tenant_id: caller.tenant, client_id: caller.client_id, token_fingerprint: caller.fingerprint }),
      ...(Number.isSafeInteger(size) && !left && { bytes_out: size }),
      ...(left && { error_code: context.fields.error_code ?? 'client_closed' }),
    },
  };
}

function written(log: Log, { action, code, fields, caller }: Line): void {
  // Failed authentications are told once per window, by the guard that refused them.
  if (code === 401) return;
  const failed = code >= 400 || fields.error_code !== undefined;
  const named = failed ? action.failed : action.done;
  if (code >= 500) log.error(named, fields);
  else if (failed) log.warn(named, fields);
  else if (fields.method !== 'GET' && fields.method !== 'HEAD') log.info(named, fields);
  else if (ALWAYS.test(named)) log.info(named, fields);
  else log.sampled(named, fields);
  const refused = code >= 400 && code < 500;
  if (code !== 403 && code !== 429 && !(refused && action.sensitive)) return;
  log.warn('security.event', { ...fields, actor: caller ? `${caller.actor.type}:${caller.client_id}` : 'anonymous' });
}

function header(request: Request, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}
