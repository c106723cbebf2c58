import { isDeepStrictEqual } from 'node:util';
import type { ArchiveManifest } from '#libs/archive';
import { hasCode } from '#libs/kernel';
import { TILE_WIDTH, type LedgerVerifier, type SeqRange } from '#libs/ledger';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { leafTileOf } from '../domain/tile-fault.js';
import type { ArchiveBatches } from '../storage/archive-batches.store.js';
import type { LedgerReader } from '../storage/ledger-reader.store.js';
import type { ArchiveFaultCode, BatchFault } from './archive-fault.js';
import type { ArchivedSpan } from './archived-span.js';
import type { BatchOpening, OpenedBatch } from './batch-opening.js';
import { sizeOf } from './judged-manifest.js';
import type { ColdView, StoredManifest } from './stored-archive.js';

/** All that a run needs to read the archive of one ledger. */
export interface ArchiveParts {
  batches: ArchiveBatches;
  opening: BatchOpening;
  reader: LedgerReader;
  verifier: LedgerVerifier;
  view: ColdView;
  /** Seqs before this one are read. */
  end: number;
  /** No checkpoint above this size may be asked about. */
  sealed: number;
  /** Ids of the batches that a run before this one has passed. */
  passed: readonly string[];
}

/** The batch before, for the link of the next one. */
interface Linked {
  to: number;
  /** As the record has it, and as the manifest was found. */
  digests: readonly string[];
}

/**
 * The batches of one ledger, in order of seq, for one run: each is opened once, told to the verifier, and held while its
 * entries are read. A record is there before an entry of it leaves hot storage, so what is missing there is looked up
 * here again before it is called a break.
 */
export class ArchiveReading {
  private current: ArchivedSpan | undefined;
  private before: Linked | undefined;
  /** What is being opened before it is asked for. */
  private early: Promise<OpenedBatch | undefined> | undefined;
  private readonly visited: Set<string>;
  /** Where batches were found whose records say otherwise. */
  private readonly misplaced = new Map<string, SeqRange>();
  /** Up to here a missing record was told of. */
  private toldTo = -1;

  constructor(private readonly parts: ArchiveParts) {
    this.visited = new Set(parts.passed);
  }

  /**
   * The batch that holds this seq, as the records say now. One whose signed manifest says that it does not is told where
   * it lies, or at the end.
   */
  async at(seq: number): Promise<ArchivedSpan | undefined> {
    if (this.current && holds(this.current, seq)) return this.current;
    const record = await this.recordOver(seq);
    if (record === undefined) return undefined;
    const opened = await this.opened(record);
    if (opened === undefined) return undefined;
    if (!holds(opened, seq)) {
      this.misplaced.set(record._id, { from: opened.from, to: opened.to });
      return undefined;
    }
    // An unsigned range does not hide the records after it.
    const next = opened.manifest ? undefined : await this.startAfter(seq);
    if (next !== undefined) opened.to = Math.min(opened.to, next - 1);
    return this.take(opened, seq);
  }

  /** Begins to open the batch that holds this seq, while others work on the entries before it: `at` is next asked for it. */
  ahead(seq: number): void {
    const { batches, opening, view } = this.parts;
    this.early ??= batches
      .covering(view.tenant, seq)
      .then((record) => (record === null ? undefined : opening.open(record, view)))
      .catch(() => undefined); // `at` asks again, and is told
  }

  /**
   * Where hot storage has no entry from `from` on, and no record names one: the batch whose signed manifest lies in the
   * store all the same, or else what lies beside batches as if it were one. Undefined: it never left, as far as can be
   * told. Batches begin at full tiles, so what does not is not looked for.
   */
  async unrecorded(from: number): Promise<ArchivedSpan | undefined> {
    if (from % TILE_WIDTH !== 0) return undefined;
    const { reader, view, verifier, end } = this.parts;
    const next = await this.startAfter(from);
    const to = Math.min((await reader.nextSeq(view.tenant, from)) ?? end, next ?? end, end);
    const found = await this.storedManifest(from, to);
    if (found) return this.takeUnrecorded(found, from);
    const after = next === to ? await this.recordOver(to) : undefined;
    if (!after && (from === 0 || !(await this.recordOver(from - 1)))) return undefined;
    const linked = after?.previousManifestSha256;
    const told = linked ? `; the batch after them is linked to a manifest of SHA-256 ${linked}` : '';
    const reason = `no record names a batch of these entries, and hot storage has none of them${told}`;
    verifier.archiveFault({ class: 'archive_missing', from, to: to - 1, code: 'ARCHIVE.RECORD_MISSING', reason });
    this.toldTo = to - 1;
    this.current = { from, to: to - 1 };
    return this.current;
  }

  /** What is left of the batch turned out to be unreadable. */
  spoil({ from, to, batch }: ArchivedSpan, fault: BatchFault): void {
    this.parts.verifier.archiveFault({ ...fault, from, to, ...(batch !== undefined && { batch }) });
    this.current = { from, to, ...(batch !== undefined && { batch }) };
  }

  /** Passes entries, `from` to before `to`, that cannot be read, by what the stored leaf tiles have of them. */
  async pass(from: number, to: number): Promise<void> {
    const { reader, verifier, view } = this.parts;
    let next = from;
    const first = from - (from % TILE_WIDTH);
    for await (const stored of reader.leafTiles(view.tenant, first, Math.ceil(to / TILE_WIDTH) * TILE_WIDTH)) {
      const tile = leafTileOf(stored, to);
      if ('fault' in tile) {
        verifier.tileFault(tile.fault);
        continue;
      }
      if (next < tile.from) verifier.outsideUnknown(next, tile.from);
      next = Math.max(next, tile.from);
      verifier.outsideLeaves(next, tile.hashes.slice(next - tile.from));
      next = tile.from + tile.hashes.length;
    }
    if (next < to) verifier.outsideUnknown(next, to);
  }

  /** Records that were never come by: beside, below or above the batches that hold the ledger. */
  async rest(): Promise<void> {
    const { batches, view } = this.parts;
    this.current = undefined;
    for await (const record of batches.between(view.tenant, 0, Number.MAX_SAFE_INTEGER)) {
      view.signal.throwIfAborted();
      if (this.visited.has(record._id)) continue;
      this.visited.add(record._id);
      const opened = await this.opened(record);
      if (opened) this.tell(opened, opened);
    }
  }

  /**
   * While it is opened a batch may be retired or withdrawn, and its objects go: what is found wrong counts only if the
   * record is the same after that. Undefined: the record is gone.
   */
  private async opened(record: ArchiveBatch): Promise<OpenedBatch | undefined> {
    const { batches, opening, view } = this.parts;
    const early = await this.early;
    this.early = undefined;
    // Another record than it was opened by, or the same with other values, is opened as it is now.
    const opened = early && isDeepStrictEqual(early.record, record) ? early : await opening.open(record, view);
    if (opened.faults.length === 0) return opened;
    const now = await batches.get(view.tenant, record._id);
    if (isDeepStrictEqual(now, record)) return opened;
    return now === null ? undefined : this.opened(now);
  }

  /** The record that says so of this seq, unless its batch was found to lie elsewhere. */
  private async recordOver(seq: number): Promise<ArchiveBatch | undefined> {
    const { batches, view } = this.parts;
    const record = await batches.covering(view.tenant, seq);
    const elsewhere = record && this.misplaced.get(record._id);
    return record === null || (elsewhere && !holds(elsewhere, seq)) ? undefined : record;
  }

  private async startAfter(seq: number): Promise<number | undefined> {
    const { batches, view } = this.parts;
    for await (const { startSeq } of batches.between(view.tenant, seq + 1, Number.MAX_SAFE_INTEGER)) {
      if (startSeq > seq) return startSeq;
    }
    return undefined;
  }

  /** Its entries are what is verified, from `seq` on. */
  private async take(opened: OpenedBatch, seq: number): Promise<ArchivedSpan> {
    const { record, from, to, entries } = opened;
    // A run before this one was stopped within it, and had found nothing wrong: what it read stays read.
    const again = this.visited.has(record._id);
    this.visited.add(record._id);
    this.tell(opened, { from: again ? seq : from, to });
    if (!again) this.tellManifest(opened);
    await this.link(opened);
    this.current = { from, to, batch: record._id, ...(entries && { entries }) };
    return this.current;
  }

  /** `left`: the seqs that are told to have retired, if it has. */
  private tell({ record, from, to, faults, entries, retired }: OpenedBatch, left: SeqRange): void {
    const { verifier } = this.parts;
    const { _id: batch } = record;
    for (const fault of faults) verifier.archiveFault({ ...fault, from, to, batch });
    if (retired) verifier.retired({ from: left.from, to: left.to });
    else verifier.batch({ from, to, batch, read: entries !== undefined });
  }

  private tellManifest({ from, to, manifest, signer }: OpenedBatch): void {
    const { verifier, sealed } = this.parts;
    if (!manifest || signer === undefined) return;
    const size = sizeOf(manifest);
    verifier.manifest({ from, to, signer, size });
    if (size <= sealed) verifier.checkpoint(manifest.checkpoint);
  }

  private async link({ record, from, to, manifest, manifestSha256, faults }: OpenedBatch): Promise<void> {
    const digests = [record.manifestSha256, ...(manifestSha256 === undefined ? [] : [manifestSha256])];
    const before = this.before?.to === from - 1 ? this.before : await this.linkedAt(from - 1);
    this.before = { to, digests };
    if (!manifest || faults.some(({ code }) => code === 'ARCHIVE.RECORD_CHANGED')) return;
    const fault = linkFault(manifest.previousManifestSha256, from, before);
    if (!fault || (fault.code === 'ARCHIVE.RECORD_MISSING' && this.toldTo === from - 1)) return;
    this.parts.verifier.archiveFault({ ...fault, from, to, batch: record._id });
  }

  private async linkedAt(seq: number): Promise<Linked | undefined> {
    const { batches, view } = this.parts;
    const record = seq < 0 ? null : await batches.covering(view.tenant, seq);
    return record ? { to: record.endSeq, digests: [record.manifestSha256] } : undefined;
  }

  private async storedManifest(from: number, to: number): Promise<StoredManifest | undefined> {
    const { verifier, view } = this.parts;
    try {
      return await view.stored.manifestOver(from, view);
    } catch (error) {
      view.signal.throwIfAborted();
      const code: ArchiveFaultCode = hasCode<ArchiveFaultCode>(error) ? error.code : 'ARCHIVE.STORE_FAILED';
      const reason = 'the cold store could not be searched for entries that no record names';
      verifier.archiveFault({ class: 'cannot_read', from, to: to - 1, code, reason });
      return undefined;
    }
  }

  private async takeUnrecorded({ key, sha256, manifest }: StoredManifest, seq: number): Promise<ArchivedSpan> {
    const record = recordFor(manifest, { key, sha256 });
    const opened = await this.parts.opening.open(record, this.parts.view);
    const reason = `no record names the batch whose signed manifest lies at ${key}`;
    const fault: BatchFault = { class: 'archive_missing', code: 'ARCHIVE.RECORD_MISSING', field: 'record', reason };
    opened.faults.unshift(fault);
    this.toldTo = opened.to;
    return this.take(opened, seq);
  }
}

const holds = ({ from, to }: SeqRange, seq: number): boolean => from <= seq && seq <= to;

function linkFault(linked: string | null, from: number, before: Linked | undefined): BatchFault | undefined {
  const field = 'previousManifestSha256';
  if (before === undefined) {
    if (from === 0 && linked === null) return undefined;
    const reason = `it is linked to a manifest of SHA-256 ${linked}, which no record names`;
    return { class: 'archive_missing', code: 'ARCHIVE.RECORD_MISSING', field, reason };
  }
  if (linked !== null && before.digests.includes(linked)) return undefined;
  const shown = { ...(linked !== null && { stored: linked }), recomputed: before.digests[0] as string };
  const reason = 'the manifest is not linked to that of the batch before it';
  return { class: 'manifest_changed', code: 'ARCHIVE.MANIFEST_LINK', field, ...shown, reason };
}

/** What the record of a signed manifest would say. Its id is the manifest's key. */
function recordFor(manifest: ArchiveManifest, { key, sha256 }: Pick<StoredManifest, 'key' | 'sha256'>): ArchiveBatch {
  const { tenant, startSeq, endSeq, eventCount, minTs, maxTs, previousChainHash, endChainHash, jsonl } = manifest;
  return {
    ...{ _id: key, tenant, startSeq, endSeq, eventCount, minTs, maxTs, previousChainHash, endChainHash },
    ...{ manifestSha256: sha256, manifestKey: key, jsonlKey: jsonl.key, sha256: jsonl.sha256 },
    ...{ storedSha256: jsonl.storedSha256, bytesUncompressed: jsonl.bytes, bytesStored: jsonl.storedBytes },
    ...{ archivedAt: new Date(manifest.archivedAt), previousManifestSha256: manifest.previousManifestSha256 },
    checkpointSize: sizeOf(manifest),
    versionIds: jsonl.versionId === undefined ? {} : { jsonl: jsonl.versionId },
    encryption: jsonl.encryption ? { algorithm: jsonl.encryption.algorithm, keyId: jsonl.encryption.keyId } : null,
    ...{ minEventId: '', maxEventId: '', retention: { mode: null, until: null }, state: 'done' },
  };
}
