/** What pages of events are ordered by: newest first by ts, and by seq within one ts. */
export interface Placed {
  /** RFC 3339 in UTC with milliseconds: the order of the texts is the order of the times. */
  ts: string;
  seq: number;
}

/** Negative when `a` comes before `b` on a page. */
export function newestFirst(a: Placed, b: Placed): number {
  if (a.ts !== b.ts) return a.ts > b.ts ? -1 : 1;
  return b.seq - a.seq;
}

/**
 * The first `limit` of several pages of one window, each the first `limit` (or all) of its own tier. Of a seq that is in
 * several, the entry of the first page given counts.
 */
export function newestOf<Entry extends Placed>(limit: number, ...pages: readonly (readonly Entry[])[]): Entry[] {
  const bySeq = new Map<number, Entry>();
  for (const entry of pages.flat()) if (!bySeq.has(entry.seq)) bySeq.set(entry.seq, entry);
  return [...bySeq.values()].sort(newestFirst).slice(0, limit);
}

/** Whether nothing that is no newer than `newest` can change a page that holds `entries`. */
export function isSettled(entries: readonly Placed[], limit: number, newest: Placed): boolean {
  const last = entries[limit - 1];
  return last !== undefined && newestFirst(last, newest) < 0;
}
