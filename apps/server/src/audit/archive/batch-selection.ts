import { MAX_BATCH_BYTES, MAX_BATCH_ENTRIES } from '#libs/archive';

/** Batches begin and end between full leaf tiles: each tile's entries lie in one batch. */
export const BATCH_STEP = 256;

/** Entries from `start` to before `end`. */
export interface Selection {
  start: number;
  end: number;
}

/**
 * The longest range that may be archived next (docs/design/archive.md §7, step 1), by its place alone; undefined: none.
 * `coveredSize`: of the newest checkpoint that is old enough. `publishedSize`: of the newest checkpoint at all; the
 * entry that ends its tree stays, as the next turn of the signer reads its chain hash.
 */
export function selectableRange({
  start,
  coveredSize,
  publishedSize,
}: {
  start: number;
  coveredSize: number;
  publishedSize: number;
}): Selection | undefined {
  const most = Math.min(coveredSize, publishedSize - 1, start + MAX_BATCH_ENTRIES);
  const end = most - (most % BATCH_STEP);
  return end > start ? { start, end } : undefined;
}

/** Whether lines of so many bytes may follow those that a batch has. The first tile always fits. */
export const fitsBatch = (bytes: number, more: number): boolean => bytes + more <= MAX_BATCH_BYTES;
