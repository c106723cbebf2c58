/**
 * An error with a code from a closed union: one cause, one code. Each room and lib extends it once, so that a
 * table over all codes (status, exit code) fails to compile when a code has no row.
 *
 * The message shows what was expected and what was found; it never carries secrets or content.
 */
export class CodedError<Code extends string> extends Error {
  constructor(
    readonly code: Code,
    message: string,
    options?: { cause?: unknown; details?: ErrorDetail[] },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.details = options?.details ?? [];
  }

  /** For input errors: what is wrong and where. */
  readonly details: ErrorDetail[];
}

/** One fault of an input. */
export interface ErrorDetail {
  /** Where, as a JSON pointer into the request (RFC 6901), e.g. `/platform`. */
  pointer: string;
  /** What, as a stable snake_case code. */
  code: string;
  detail: string;
}

/** True when `error` is a CodedError, optionally with this code. */
export function hasCode<Code extends string>(error: unknown, code?: Code): error is CodedError<Code> {
  return error instanceof CodedError && (code === undefined || error.code === code);
}

/** The code of an error, for a log line; `unknown` for an error that has none of ours. */
export function codeOf(error: unknown): string {
  return hasCode(error) ? String(error.code) : 'unknown';
}
