import type { Problem } from '#libs/kernel';
import { CodedError } from '#libs/kernel';
import { HttpError, type HttpErrorCode } from './http.errors.js';
import { outwardOf, type Outward } from './status-of.js';

/** What leaves when nothing of ours explains the error. It says nothing of the cause. */
const INTERNAL: Outward = { status: 500, code: 'internal', title: 'Internal error', retryable: false };

/** By status, what a framework's or a parser's own error means. */
const BY_STATUS: Readonly<Record<number, { code: HttpErrorCode; says: string }>> = {
  400: { code: 'HTTP.BAD_REQUEST', says: 'the request could not be read' },
  404: { code: 'HTTP.NOT_FOUND', says: 'there is no such resource' },
  405: { code: 'HTTP.METHOD_NOT_ALLOWED', says: 'the resource does not have this method' },
  406: { code: 'HTTP.NOT_ACCEPTABLE', says: 'no representation is acceptable' },
  408: { code: 'HTTP.REQUEST_TIMEOUT', says: 'the request did not arrive in time' },
  413: { code: 'HTTP.PAYLOAD_TOO_LARGE', says: 'the body is larger than this route accepts' },
  415: { code: 'HTTP.UNSUPPORTED_MEDIA_TYPE', says: 'the body has a media type or encoding that is not accepted' },
  431: { code: 'HTTP.HEADERS_TOO_LARGE', says: 'the headers are too large' },
  503: { code: 'HTTP.UNAVAILABLE', says: 'the service cannot answer now' },
};

/** An error as the caller may see it. */
export interface Told {
  outward: Outward;
  problem: Problem;
}

/**
 * What leaves for any error thrown anywhere. Messages of coded errors with a row in the table are ours and leave;
 * of everything else neither message nor class does.
 */
export function toldOf(error: unknown, request_id: string): Told {
  const known = error instanceof CodedError ? (error as CodedError<string>) : translated(error);
  const outward = (known && outwardOf(known.code)) ?? INTERNAL;
  const hidden = outward.status >= 500 && !outward.told;
  const { status, code, title, retryable, retry_after_ms } = outward;
  const detail = known && !hidden ? known.message : title;
  const errors = known && !hidden && known.details.length > 0 ? { errors: known.details } : {};
  const later = retry_after_ms === undefined ? {} : { retry_after_ms };
  const problem = { type: `/problems/${code.toLowerCase()}`, title, status, detail, code, request_id, retryable };
  return { outward, problem: { ...problem, ...later, ...errors } };
}

/** Errors of Nest (HttpException), of body-parser and of Express (http-errors) carry a status and are safe by it. */
function translated(error: unknown): HttpError | undefined {
  const status = statusOf(error);
  if (status === undefined) return undefined;
  const exact = BY_STATUS[status] ?? (status < 500 ? BY_STATUS[400] : undefined);
  return exact && new HttpError(exact.code, exact.says, { cause: error });
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof URIError) return 400;
  const getStatus = (error as { getStatus?: unknown }).getStatus;
  const status: unknown =
    typeof getStatus === 'function' ? getStatus.call(error) : 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status <= 599 ? status : undefined;
}
