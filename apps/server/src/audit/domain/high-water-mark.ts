import { CompactRange, leafHash, chainHash, EMPTY_ROOT, genesisHash } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { sameBytes } from './entry.js';

/** The newest tree this deployment has signed or was about to sign, and what is needed to grow it. */
export interface Mark {
  origin: string;
  size: number;
  root: Uint8Array;
  /** Roots of the full subtrees, largest first: see `CompactRange`. */
  peaks: Uint8Array[];
  /** Chain hash of the last entry; the genesis hash at size 0. */
  chainHash: Uint8Array;
}

/** An entry as the signer reads it. */
export interface SignedEntry {
  seq: number;
  bytes: Uint8Array;
  chain_hash: Uint8Array;
}

/** What is left of an entry whose batch has retired: its leaf hash, out of a stored tile. */
export interface RetiredEntry {
  seq: number;
  retiredLeaf: Uint8Array;
}

export const emptyMark = (origin: string): Mark => ({
  origin,
  size: 0,
  root: EMPTY_ROOT,
  peaks: [],
  chainHash: genesisHash(origin),
});

/**
 * The mark after these entries, which follow it. The new tree grows out of the old one's own peaks, so the old tree is
 * a prefix of it by construction; an entry that does not continue the chain is refused with what it does not continue.
 * The chain over retired entries is made of their hashes: what follows them, and the signed roots, tell whether it is theirs.
 */
export function grown(mark: Mark, entries: readonly (SignedEntry | RetiredEntry)[]): Mark | { broken: string } {
  const range = CompactRange.restore(mark);
  let previous = mark.chainHash;
  for (const entry of entries) {
    if (entry.seq !== range.size) return { broken: `seq ${range.size} is missing` };
    const leaf = leafOf(entry);
    previous = leaf ? chainHash(previous, leaf) : previous;
    if (!leaf || !endsAt(entry, previous)) return { broken: `seq ${entry.seq} does not continue the chain` };
    range.append(leaf);
  }
  return { origin: mark.origin, root: range.root(), chainHash: previous, ...range.state() };
}

/** The store may hold anything in the place of bytes. */
function leafOf(entry: SignedEntry | RetiredEntry): Uint8Array | undefined {
  if ('retiredLeaf' in entry) return entry.retiredLeaf;
  return entry.bytes instanceof Uint8Array ? leafHash(entry.bytes) : undefined;
}

function endsAt(entry: SignedEntry | RetiredEntry, chain: Uint8Array): boolean {
  if ('retiredLeaf' in entry) return true;
  return entry.chain_hash instanceof Uint8Array && sameBytes(chain, entry.chain_hash);
}

/**
 * What contradicts the mark in a store with this head and this chain hash at the mark's last entry; undefined when
 * nothing does. A store that is ahead of the mark is the ordinary case.
 */
export function contradiction(
  mark: Mark,
  headSeq: number,
  chainHashAtMark: Uint8Array | undefined,
): string | undefined {
  if (mark.size === 0) return undefined;
  if (headSeq + 1 < mark.size) return `the store has ${headSeq + 1} entries, ${mark.size} were signed`;
  if (chainHashAtMark === undefined) return `seq ${mark.size - 1} was signed and is missing`;
  if (!sameBytes(chainHashAtMark, mark.chainHash)) return `seq ${mark.size - 1} is not the one that was signed`;
  return undefined;
}

/** The same tree over the same entries. */
export const sameMark = (a: Mark, b: Mark): boolean =>
  a.origin === b.origin && a.size === b.size && sameBytes(a.root, b.root) && sameBytes(a.chainHash, b.chainHash);

export function markText({ origin, size, root, peaks, chainHash: chain }: Mark): string {
  return `${JSON.stringify({ origin, size, root: base64(root), peaks: peaks.map(base64), chain_hash: base64(chain) })}\n`;
}

/** Throws AUDIT.MARK_UNREADABLE: a mark that says nothing must not be taken for one that says "nothing signed yet". */
export function parsedMark(text: string, origin: string): Mark {
  try {
    const read = JSON.parse(text) as Record<'origin' | 'root' | 'chain_hash', string> & {
      size: number;
      peaks: string[];
    };
    const state = { size: read.size, peaks: read.peaks.map(bytesOf) };
    const range = CompactRange.restore(state);
    const mark = { origin: read.origin, root: bytesOf(read.root), chainHash: bytesOf(read.chain_hash), ...state };
    if (mark.origin === origin && sameBytes(range.root(), mark.root) && mark.chainHash.length === 32) return mark;
  } catch (cause) {
    throw new AuditError('AUDIT.MARK_UNREADABLE', `the high-water mark of ${origin} cannot be read`, { cause });
  }
  throw new AuditError('AUDIT.MARK_UNREADABLE', `the high-water mark of ${origin} contradicts itself`);
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'base64');
