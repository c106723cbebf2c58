import { LedgerError } from '../ledger.errors.js';
import { entriesPath, hashesOfTile, TILE_WIDTH, tilePath } from '../tiles.js';
import type { TilePath } from '../tiles.js';
import type { Finding } from './report.types.js';

/** Where a C2SP tlog-tiles log is read from. Nothing it gives is trusted. */
export interface TlogSource {
  /**
   * The resource at `checkpoint`, `tile/…` or `tile/entries/…`; undefined when the log does not have it. Rejects when
   * that cannot be told. May be called for several resources at a time.
   */
  read(path: string): Promise<Uint8Array | undefined>;
}

/**
 * A tile's hashes or a bundle's entries, or why there are none. A bundle that is not of its form has other than `width`
 * entries, or `leftover` bytes at its end that are no entry.
 */
export type Members = { members: Uint8Array[]; leftover: number } | { members?: never; finding: Finding };

/** The tile or bundle of this width. A partial one the log no longer has is taken from the full one (tlog-tiles). */
export async function membersAt(source: TlogSource, name: TilePath): Promise<Members> {
  const path = pathOf(name);
  try {
    const bytes = await source.read(path);
    if (bytes !== undefined) return membersOf(bytes, name);
    const full = { ...name, width: TILE_WIDTH };
    const whole = name.width < TILE_WIDTH ? await source.read(pathOf(full)) : undefined;
    if (whole === undefined) return { finding: missing(name) };
    const { members, leftover } = membersOf(whole, full);
    return { members: members.slice(0, name.width), leftover };
  } catch (error) {
    if (error instanceof LedgerError) return { finding: malformedTile(name, error) };
    const reason = `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return { finding: { class: 'cannot_read', ...spanOf(name), field: path, located: 'interval', reason } };
  }
}

/** The seqs below a tile or in a bundle, both inclusive. */
export function spanOf({ level, index, width }: TilePath): { from: number; to: number } {
  const leaves = level === 'entries' ? 1 : TILE_WIDTH ** level;
  const from = index * TILE_WIDTH * leaves;
  return { from, to: from + width * leaves - 1 };
}

export const pathOf = ({ level, index, width }: TilePath): string =>
  level === 'entries' ? entriesPath({ index, width }) : tilePath({ level, index, width });

function membersOf(bytes: Uint8Array, { level, width }: TilePath): { members: Uint8Array[]; leftover: number } {
  return level === 'entries' ? wholeEntriesOf(bytes) : { members: hashesOfTile(bytes, width), leftover: 0 };
}

/** Reads on where `entriesOfBundle` would refuse: entries may be missing or have been put in, and still be told apart. */
function wholeEntriesOf(bytes: Uint8Array): { members: Uint8Array[]; leftover: number } {
  const members: Uint8Array[] = [];
  let offset = 0;
  while (offset + 2 <= bytes.length && members.length < 2 * TILE_WIDTH) {
    const end = offset + 2 + (bytes[offset] as number) * 256 + (bytes[offset + 1] as number);
    if (end > bytes.length) break;
    members.push(bytes.slice(offset + 2, end));
    offset = end;
  }
  return { members, leftover: bytes.length - offset };
}

/** An incomplete copy of a log looks like one that lost entries, so nothing is proven by it. */
function missing(name: TilePath): Finding {
  const path = pathOf(name);
  return {
    class: name.level === 'entries' ? 'deleted' : 'tile_mismatch',
    ...spanOf(name),
    field: path,
    located: 'interval',
    verdict: 'inconsistent',
    reason: `the log does not have ${path}`,
  };
}

const malformedTile = (name: TilePath, { message }: LedgerError): Finding => ({
  class: 'tile_mismatch',
  ...spanOf(name),
  field: pathOf(name),
  located: 'interval',
  verdict: 'inconsistent',
  reason: message,
});
