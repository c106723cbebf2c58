import { archivedEntries } from '#libs/archive';
import type { LedgerEvent, StoredEntry } from '#libs/ledger';

/** A run of archived entries, for a thread: plain data. */
export interface ArchivedPiece {
  startSeq: number;
  /** Each with its newline. */
  lines: Uint8Array<ArrayBuffer>;
  /** Chain hash before the first, hex. */
  previousChainHash: string;
}

/** The documents that hot storage had, one at a time; `made` is told the event of each. */
export function* piecesEntries(
  tenant: string,
  piece: ArchivedPiece,
  made?: Map<object, LedgerEvent>,
): Generator<StoredEntry, void> {
  for (const { entry, event } of archivedEntries(piece.lines, { tenant, ...piece })) {
    made?.set(entry, event);
    yield entry;
  }
}

/**
 * The entries of a range that is archived and may be hot too, in order. Where both have one and they are equal in every
 * field, it is given once; otherwise `differs` says whether the archived one is given before hot storage's. What in hot
 * storage claims a seq that another one has had, or no whole seq, is given where it stands.
 */
export async function* bothTiers(
  archived: Iterable<StoredEntry>,
  hot: AsyncIterable<object>,
  differs: (archived: StoredEntry, hot: object) => boolean,
): AsyncGenerator<object, void> {
  const rest = archived[Symbol.iterator]();
  let next = rest.next();
  for await (const document of hot) {
    const { seq } = document as { seq: unknown };
    while (!next.done && Number.isSafeInteger(seq) && next.value.seq < (seq as number)) {
      yield next.value;
      next = rest.next();
    }
    if (next.done || next.value.seq !== seq) {
      yield document;
      continue;
    }
    const same = isSame(next.value, document);
    if (same || differs(next.value, document)) yield next.value;
    if (!same) yield document;
    next = rest.next();
  }
  for (; !next.done; next = rest.next()) yield next.value;
}

function isSame(archived: StoredEntry, hot: object): boolean {
  const expected = Object.entries(archived);
  if (Object.keys(hot).length !== expected.length) return false;
  return expected.every(([field, value]) => {
    const found: unknown = (hot as Record<string, unknown>)[field];
    if (!(value instanceof Uint8Array)) return found === value;
    return found instanceof Uint8Array && Buffer.compare(found, value) === 0;
  });
}
