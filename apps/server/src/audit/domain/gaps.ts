/** Seqs from `from` to before `to`, and the most entries that are wanted of them. */
export interface Gap {
  from: number;
  to: number;
  limit: number;
}

/**
 * Up to `limit` entries after seq `after`, in order: those given, which are all there are up to the last of them (or all,
 * when they are fewer than `limit`), and in each gap between them and behind them what `read` finds there, in order.
 */
export async function gapsFilled<Entry extends { seq: number }>(
  entries: readonly Entry[],
  { after, limit }: { after: number; limit: number },
  read: (gap: Gap) => Promise<readonly Entry[]>,
): Promise<Entry[]> {
  const found: Entry[] = [];
  let next = after + 1;
  for (const entry of [...entries, undefined]) {
    if (found.length >= limit) break;
    const to = entry?.seq ?? Number.MAX_SAFE_INTEGER;
    if (to > next) found.push(...(await read({ from: next, to, limit: limit - found.length })));
    if (entry === undefined || found.length >= limit) break;
    found.push(entry);
    next = entry.seq + 1;
  }
  return found;
}
