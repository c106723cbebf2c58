/** A problem document (RFC 9457), as every error of the API leaves. */
export interface Problem {
  /** A URI reference that names the kind of problem: `/problems/<code>`. */
  type: string;
  title: string;
  status: number;
  detail: string;
  /** Stable, snake_case (`BACKPRESSURE` and `RATE_LIMIT` excepted). */
  code: string;
  request_id: string;
  /** Whether the same request may succeed later without a change. */
  retryable: boolean;
  /** When, where that can be told; milliseconds. */
  retry_after_ms?: number;
  errors?: { pointer: string; code: string; detail: string }[];
}
