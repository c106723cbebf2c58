import { CodedError } from '#libs/kernel';

const NAMES = {
  'PROMOTE.FAA_UNAUTHORIZED': 'FAAUnauthorizedError',
  'PROMOTE.FAA_TIMEOUT': 'FAATimeoutError',
  'PROMOTE.FAA_UNAVAILABLE': 'FAAUnavailableError',
  'PROMOTE.FAA_REJECTED': 'FAARejectedError',
} as const;

export type FAAErrorCode = keyof typeof NAMES;
/** The closed list that logs and events show as `error_name`. */
export type FAAErrorName = (typeof NAMES)[FAAErrorCode];

/**
 * The archive could not be brought to take a file: it refused us (client, token or scope), did not answer in time,
 * could not be reached or failed, or refused the file. Messages hold statuses, never what the archive wrote.
 */
export class FAAError extends CodedError<FAAErrorCode> {
  override readonly name: FAAErrorName;

  constructor(code: FAAErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(code, message, options);
    this.name = NAMES[code];
  }

  /** Whether the same request may succeed later without a change. */
  get retryable(): boolean {
    return this.code === 'PROMOTE.FAA_TIMEOUT' || this.code === 'PROMOTE.FAA_UNAVAILABLE';
  }
}

/** The error for an answer that is no success, by RFC 9110 §15: 408, 429 and 5xx may pass. */
export function refusal(what: string, status: number): FAAError {
  const message = `expected the archive to ${what}, found status ${status}`;
  if (status === 401 || status === 403) return new FAAError('PROMOTE.FAA_UNAUTHORIZED', message);
  if (status === 408 || status === 429 || status >= 500) return new FAAError('PROMOTE.FAA_UNAVAILABLE', message);
  return new FAAError('PROMOTE.FAA_REJECTED', message);
}

/** The error for a request without an answer. */
export function noAnswer(what: string, timeoutMs: number, timedOut: boolean, cause: unknown): FAAError {
  return timedOut
    ? new FAAError('PROMOTE.FAA_TIMEOUT', `expected the archive to ${what} in ${timeoutMs} ms`, { cause })
    : new FAAError('PROMOTE.FAA_UNAVAILABLE', `expected the archive to ${what}, found no answer`, { cause });
}
