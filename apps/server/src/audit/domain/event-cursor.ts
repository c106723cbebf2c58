import { AuditError } from '../audit.errors.js';

/** The last entry of a page: the next page holds what is older than it. */
export interface EventCursor {
  ts: string;
  seq: number;
}

const FORM = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (\d{1,16})$/;

/** Opaque to callers. */
export const writtenCursor = ({ ts, seq }: EventCursor): string => Buffer.from(`${ts} ${seq}`).toString('base64url');

/** Throws AUDIT.FILTER_INVALID. */
export function parsedCursor(cursor: string): EventCursor {
  const [, ts, seq] = FORM.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? [];
  if (ts !== undefined && seq !== undefined) return { ts, seq: Number(seq) };
  throw new AuditError('AUDIT.FILTER_INVALID', 'the cursor is not one that a page gave', {
    details: [{ pointer: '/cursor', code: 'invalid_cursor', detail: 'pass next_cursor of the page before' }],
  });
}
