import { ed25519 } from '@noble/curves/ed25519.js';
import {
  canonicalBytes,
  chainHash,
  CleanSegment,
  CompactRange,
  entryId,
  entryOf,
  formatCheckpoint,
  genesisHash,
  hexOf,
  leafHash,
  LedgerVerifier,
  noteSigner,
  signNote,
  verifierKey,
} from '../index.js';
import type {
  AnchorClaim,
  LeafTile,
  LedgerEvent,
  SegmentDigest,
  SegmentOptions,
  StoredEntry,
  VerificationReport,
  VerifierOptions,
} from '../index.js';

/** A clean ledger in memory and the means to attack it, for specs. */

export const TENANT = 'acme';
export const ORIGIN = 'example.org/ledger/acme';
export const SEED = new Uint8Array(32).fill(1);
export const KEY = verifierKey(ORIGIN, ed25519.getPublicKey(SEED));

/** A stored document as an attacker sees it: any field may become anything. */
export type Document = Record<string, unknown> & StoredEntry;

export interface TestLedger {
  entries: Document[];
  checkpoints: string[];
  roots: Uint8Array[];
  tiles?: LeafTile[];
}

const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0');

export function eventOf(n: number, job = n): LedgerEvent {
  return {
    id: `0198c0de-0000-7000-8000-${hex(n, 12)}`,
    ts: '2026-11-21T09:00:00.000Z',
    kind: 'job.created',
    scope: { tenant: TENANT, project: 'p1' },
    actor: { type: 'service', id: 'svc-1' },
    refs: { resource: { type: 'job', id: `job-${job}` }, job_id: `job-${job}` },
    data: { attempt: n, platform: '520' },
    meta: { schema: 1, service: 'server', version: '0.1.0', env: 'test', received_at: '2026-11-21T09:00:00.001Z' },
  };
}

export function testLedger(
  size: number,
  checkpointSizes: readonly number[],
  sealed = (event: LedgerEvent): LedgerEvent => event,
): TestLedger {
  const entries: Document[] = [];
  const tree = new CompactRange();
  const roots = [tree.root()];
  let previousChainHash = genesisHash(ORIGIN);
  for (let seq = 0; seq < size; seq++) {
    const event = sealed(eventOf(seq));
    const bytes = canonicalBytes(event);
    const entry = entryOf({ tenant: TENANT, seq, event, bytes, previousChainHash });
    entries.push(entry as Document);
    previousChainHash = entry.chain_hash;
    tree.append(entry.leaf_hash);
    roots.push(tree.root());
  }
  return { entries, roots, checkpoints: checkpointSizes.map((at) => signedCheckpoint(at, roots[at] as Uint8Array)) };
}

const signed = new Map<string, string>();

/** Signing is most of what a test costs, so a note that was signed once is kept. */
export function signedCheckpoint(size: number, root: Uint8Array, seed = SEED, origin = ORIGIN, name = ORIGIN): string {
  const text = formatCheckpoint({ origin, size, root });
  const known = `${hexOf(seed)} ${name} ${text}`;
  const note = signed.get(known) ?? signNote(text, noteSigner(name, seed));
  signed.set(known, note);
  return note;
}

/** What the audit room does: checkpoints, then the documents in order of their stored seq. */
export function verified(
  { entries, checkpoints, tiles = [] }: TestLedger,
  { anchors = [], ...options }: Partial<VerifierOptions> & { anchors?: readonly AnchorClaim[] } = {},
): VerificationReport {
  const keys = { verifierKeys: [KEY], pinned: true };
  const verifier = new LedgerVerifier({ tenant: TENANT, origin: ORIGIN, keys, ...options });
  for (const anchor of anchors) verifier.anchor(anchor);
  for (const note of checkpoints) verifier.checkpoint(note);
  for (const tile of tiles) verifier.leafTile(tile);
  for (const document of inSeqOrder(entries)) verifier.entry(document);
  return verifier.finish();
}

/** The same by segments of `length` documents, and one by one where a segment is not taken. */
export function verifiedBySegments(
  { entries, checkpoints, tiles = [] }: TestLedger,
  { length, taken, ...options }: Partial<VerifierOptions> & { length: number; taken?: (whole: boolean) => void },
): VerificationReport {
  const keys = { verifierKeys: [KEY], pinned: true };
  const verifier = new LedgerVerifier({ tenant: TENANT, origin: ORIGIN, keys, ...options });
  for (const note of checkpoints) verifier.checkpoint(note);
  const sizes = checkpoints.map((note) => Number(note.split('\n')[1])).filter(Number.isSafeInteger);
  const eventKeys = options.keys?.eventKeys;
  const documents = inSeqOrder(entries);
  const runOf = ({ seq }: { seq: unknown }): number =>
    Number.isFinite(seq) ? Math.floor((seq as number) / length) : -1;
  const last = Math.max(...documents.map(runOf), ...tiles.map(({ from }) => runOf({ seq: from })));
  for (let at = -1; at <= last; at++) {
    const run = documents.filter((document) => runOf(document) === at);
    const beside = tiles.filter(({ from }) => runOf({ seq: from }) === at);
    const digest = segmentDigest(run, { tenant: TENANT, sizes, ...(eventKeys && { eventKeys }), tiles: beside });
    const whole = digest !== undefined && verifier.segment(structuredClone(digest));
    if (run.length > 0) taken?.(whole);
    if (whole) continue;
    for (const tile of beside) verifier.leafTile(tile);
    for (const document of run) verifier.entry(document);
  }
  return verifier.finish();
}

/** Of documents that are all clean; `made` knows the events of some. */
export function segmentDigest(
  documents: readonly object[],
  options: SegmentOptions,
  made?: ReadonlyMap<object, LedgerEvent>,
): SegmentDigest | undefined {
  const segment = new CleanSegment(options);
  const clean = documents.every((document) => segment.take(document, made?.get(document)));
  return clean ? segment.digest() : undefined;
}

const inSeqOrder = (entries: readonly Document[]): Document[] =>
  [...entries].sort((a, b) => (Number.isFinite(a?.seq) ? a.seq : -1) - (Number.isFinite(b?.seq) ? b.seq : -1));

/** Full tiles of the first entries as they are now, of this width. */
export function tilesOf({ entries }: TestLedger, width: number, source: LeafTile['source'] = 'stored'): LeafTile[] {
  return Array.from({ length: Math.floor(entries.length / width) }, (_, index) => {
    const from = index * width;
    return { from, hashes: entries.slice(from, from + width).map(({ leaf_hash }) => leaf_hash), source };
  });
}

export const at = (ledger: TestLedger, seq: number): Document => ledger.entries[seq] as Document;

/** Writes another event over an entry; `consistently` also makes its leaf hash and columns fit. */
export function overwrite(entry: Document, event: LedgerEvent, consistently: boolean): void {
  const bytes = canonicalBytes(event);
  entry.bytes = bytes;
  if (!consistently) return;
  const { seq, chain_hash } = entry;
  Object.assign(entry, entryOf({ tenant: TENANT, seq, event, bytes, previousChainHash: chain_hash }), { chain_hash });
}

/** Recomputes every chain hash from `seq` on, as one who can write the whole store would. */
export function rechain(ledger: TestLedger, seq: number): void {
  let previous = seq === 0 ? genesisHash(ORIGIN) : at(ledger, seq - 1).chain_hash;
  for (const entry of ledger.entries.slice(seq)) {
    entry.leaf_hash = leafHash(entry.bytes);
    previous = entry.chain_hash = chainHash(previous, entry.leaf_hash);
  }
}

/** Gives entries the seq of their place in the list, from `seq` on; ids too when asked. */
export function renumber(ledger: TestLedger, seq: number, ids: boolean): void {
  ledger.entries.forEach((entry, place) => {
    if (place < seq) return;
    entry.seq = place;
    if (ids) entry._id = entryId(TENANT, place);
  });
}

/** A new entry that a writer could have made for this place. */
export function forgedEntry(seq: number, previousChainHash: Uint8Array, n = 900): Document {
  const event = eventOf(n);
  return entryOf({ tenant: TENANT, seq, event, bytes: canonicalBytes(event), previousChainHash }) as Document;
}
