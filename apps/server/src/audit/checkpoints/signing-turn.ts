import { AuditError, type AuditErrorCode } from '../audit.errors.js';
import { sameBytes, type Head } from '../domain/entry.js';
import { contradiction, emptyMark, grown, sameMark, type Mark, type SignedEntry } from '../domain/high-water-mark.js';
import type { StoredCheckpoint } from '../domain/stored-checkpoint.js';
import type { HighWater } from './high-water-files.js';

/** Entries read at once, and the most that one checkpoint takes in, so that a long backlog is signed piece by piece. */
const READ_ENTRIES = 2_000;
const CHECKPOINT_ENTRIES = 50_000;

/** How one attempt to sign ended. */
export type Signed =
  | { state: 'signed'; size: number }
  /** The newest entry is under a published checkpoint, which is the marked tree. */
  | { state: 'nothing_new'; size: number }
  /** The store contradicts what was signed: the ledger must be suspended. */
  | { state: 'contradicted'; reason: string };

/** One incarnation of one ledger. */
export interface Incarnation {
  origin: string;
  incarnation: number;
}

/** What a turn stands on, for one ledger. Every write may be lost, kept though it seemed to fail, or done twice. */
export interface SigningPorts {
  head(): Promise<Head | null>;
  chainHashAt(seq: number): Promise<Uint8Array | undefined>;
  /** Up to `limit` entries from `seq` on, in order. */
  entries(seq: number, limit: number): Promise<SignedEntry[]>;
  /** What in an entry no checkpoint may cover, if anything. */
  entryFault(entry: SignedEntry): string | undefined;
  marks: HighWater;
  /** The newest checkpoint in the store, published or not, whoever signed it. */
  newest(): Promise<Pick<StoredCheckpoint, 'size' | 'root' | 'origin' | 'signed_at'> | null>;
  publishedSize(): Promise<number>;
  /** The checkpoint of this tree, signed. `previous`: when the one before was. */
  sign(mark: Mark, previous: Date | undefined): Promise<StoredCheckpoint>;
  /** Resolves with the root of the one that is kept when that is another. */
  persist(checkpoint: StoredCheckpoint): Promise<Uint8Array | undefined>;
  /** Resolves when the full tiles of this tree are stored. */
  cover(mark: Mark): Promise<void>;
  /** False when another incarnation is published. */
  publish(size: number): Promise<boolean>;
}

/**
 * One checkpoint over what the store holds now: prove, mark, sign, persist, cover, publish, in this order. Any number
 * of processes may take turns at once, and any of them may die anywhere: whatever is signed has everything signed
 * before as a prefix, and what is published only grows (signing-turn.spec.ts). Rejects when the store or the marks
 * cannot be read or written, and the next turn goes on.
 */
export async function signingTurn(ledger: Incarnation, ports: SigningPorts): Promise<Signed> {
  try {
    return await turn(ledger, ports);
  } catch (error) {
    return { state: 'contradicted', reason: reasonOf(error) };
  }
}

/** What in the store contradicts the marks; undefined when nothing does. Two looks at the ends of indexes. */
export async function contradictionOf(ledger: Incarnation, ports: SigningPorts): Promise<string | undefined> {
  try {
    const marked = await marksOf(ledger, ports);
    await assertHolds(marked.at(-1) ?? emptyMark(ledger.origin), ports);
    await signedBefore(ledger, ports);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** The store is not what was signed, says any of these. */
const CONTRADICTED: readonly AuditErrorCode[] = [
  'AUDIT.CONTRADICTED',
  'AUDIT.TILE_CONTRADICTED',
  'AUDIT.TILE_MISSING',
  'AUDIT.ENTRY_CONTRADICTED',
];

const contradicted = (reason: string): AuditError => new AuditError('AUDIT.CONTRADICTED', reason);

/** What is contradicted, when that is what the error says; throws any other. */
export function reasonOf(error: unknown): string {
  if (error instanceof AuditError && CONTRADICTED.includes(error.code)) return error.message;
  throw error;
}

async function turn(ledger: Incarnation, ports: SigningPorts): Promise<Signed> {
  const marked = await marksOf(ledger, ports);
  const base = marked.at(-1) ?? emptyMark(ledger.origin);
  await assertHolds(base, ports);
  const { newest, published } = await signedBefore(ledger, ports);
  const next = await proven(base, newest, ports);
  if (next.size === 0 || published >= next.size) return { state: 'nothing_new', size: next.size };

  const others = await ports.marks.put(ledger.incarnation, next, base.size);
  // If the process dies here, the mark is ahead of every checkpoint but not of the entries: the next turn signs the same
  // tree, or a longer one that has it as a prefix.
  if (others.length > 0) await assertOneGrowth(base, [...others, next], ports);
  const checkpoint = await ports.sign(next, newest?.signed_at);
  // If the process dies here, a signature was made and nobody has it.
  const other = await ports.persist(checkpoint);
  if (other) throw contradicted(`another tree of size ${next.size} is signed`);
  // If the process dies here, the checkpoint is signed and nobody is shown it: the next turn publishes it, or a longer one.
  await ports.cover(next);
  // If the process dies here, tiles are stored that no published checkpoint covers yet: nobody is shown those either.
  if (!(await ports.publish(next.size))) return { state: 'nothing_new', size: next.size };
  // If the process dies here, smaller marks are left beside the largest, which is the one that counts.
  const smaller = [...marked, ...others].map(({ size }) => size).filter((size) => size < next.size);
  await ports.marks.forget(ledger.incarnation, smaller);
  return { state: 'signed', size: next.size };
}

/** By size, and each a prefix of the next: a signer that died, or that found a contradiction, leaves its own. */
async function marksOf({ incarnation }: Incarnation, ports: SigningPorts): Promise<Mark[]> {
  const kept = await ports.marks.newest();
  if (!kept) return [];
  if (kept.incarnation !== incarnation) {
    throw contradicted(`the store has incarnation ${incarnation}, ${kept.incarnation} was signed`);
  }
  const [smallest, ...others] = kept.marks;
  if (smallest) await assertOneGrowth(smallest, others, ports);
  return kept.marks;
}

async function assertHolds(mark: Mark, ports: SigningPorts): Promise<void> {
  if (mark.size === 0) return;
  const head = await ports.head();
  const atMark = head?.seq === mark.size - 1 ? head.chainHash : await ports.chainHashAt(mark.size - 1);
  const reason = contradiction(mark, head?.seq ?? -1, atMark);
  if (reason !== undefined) throw contradicted(reason);
}

/** The newest stored checkpoint of this incarnation, and up to where it is published: nothing published is missing. */
async function signedBefore(
  ledger: Incarnation,
  ports: SigningPorts,
): Promise<{ newest: NewestSigned; published: number }> {
  // In this order: another signer may publish in between, and persists before that.
  const published = await ports.publishedSize();
  const newest = await ports.newest();
  if (published > (newest?.size ?? 0)) {
    throw contradicted(`the checkpoint of size ${published} was published and is missing`);
  }
  return { newest: newest?.origin === ledger.origin ? newest : null, published };
}

type NewestSigned = Awaited<ReturnType<SigningPorts['newest']>>;

/**
 * The tree over the entries that are there now, grown out of the marked one, so that it has that as a prefix by
 * construction. A checkpoint that was signed on another machine, whose marks are not here, has to lie on the way.
 */
async function proven(base: Mark, newest: NewestSigned, ports: SigningPorts): Promise<Mark> {
  const ahead = newest && newest.size > base.size ? newest.size : base.size;
  const signed = await grownTo(base, ahead, ports);
  if (newest && newest.size === signed.size && !sameBytes(newest.root, signed.root)) {
    throw contradicted(`another tree of size ${newest.size} is signed`);
  }
  return grownTo(signed, Math.max(ahead, base.size + CHECKPOINT_ENTRIES), ports, { orLess: true });
}

/** Marks of several signers: the same entries have to make all of them. */
async function assertOneGrowth(base: Mark, marks: readonly Mark[], ports: SigningPorts): Promise<void> {
  let grownSoFar = base;
  for (const mark of [...marks].sort((a, b) => a.size - b.size)) {
    grownSoFar = await grownTo(grownSoFar, mark.size, ports);
    if (!sameMark(grownSoFar, mark)) throw contradicted(`another tree of size ${mark.size} was marked`);
  }
}

async function grownTo(mark: Mark, size: number, ports: SigningPorts, { orLess = false } = {}): Promise<Mark> {
  let next = mark;
  while (next.size < size) {
    const entries = await ports.entries(next.size, Math.min(READ_ENTRIES, size - next.size));
    if (entries.length === 0) {
      if (orLess) break;
      throw contradicted(`the store has ${next.size} entries, ${size} were signed`);
    }
    const longer = grown(next, entries);
    if ('broken' in longer) throw contradicted(longer.broken);
    const fault = firstFault(entries, ports);
    if (fault !== undefined) throw contradicted(fault);
    next = longer;
  }
  return next;
}

function firstFault(entries: readonly SignedEntry[], ports: SigningPorts): string | undefined {
  for (const entry of entries) {
    const fault = ports.entryFault(entry);
    if (fault !== undefined) return `seq ${entry.seq}: ${fault}`;
  }
  return undefined;
}
