/** A page of a list, newest first. */
export interface Page {
  items: object[];
  limit: number;
  /** For the next older page; null on the last one. */
  next_cursor: string | null;
}

/** `found`: at most `limit`; one with as many may be followed by an empty one. */
export function pageOf<T>(
  found: readonly T[],
  limit: number,
  { idOf, shown }: { idOf: (one: T) => string; shown: (one: T) => object },
): Page {
  const last = found.length === limit ? found.at(-1) : undefined;
  return { items: found.map(shown), limit, next_cursor: last === undefined ? null : idOf(last) };
}
