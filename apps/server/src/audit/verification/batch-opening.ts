import { Injectable } from '@nestjs/common';
import { sha256Hex, storedBytesFault, unpackedBatch, type ArchivedLines, type ArchiveManifest } from '#libs/archive';
import { codeOf, hasCode } from '#libs/kernel';
import { ColdStores, keyOf, type ColdPart } from '../cold/cold-stores.js';
import { OpenBatch, type BatchPlace } from '../tiers/open-batch.js';
import { Tombstones } from '../retention/tombstones.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { linesFault, storeFault, type BatchFault } from './archive-fault.js';
import { archiveRefusal, judgedManifest, type JudgedManifest } from './judged-manifest.js';
import { malformedField } from './record-form.js';
import type { ColdView } from './stored-archive.js';

/** A batch as verification found it. Seqs are the signed manifest's, and without one the record's. */
export interface OpenedBatch {
  record: ArchiveBatch;
  from: number;
  to: number;
  faults: BatchFault[];
  /** Present where a known key has signed it. */
  manifest?: ArchiveManifest;
  signer?: string;
  /** Of the manifest as it was found. */
  manifestSha256?: string;
  /** Its entries, under the digests of manifest or record. Absent: they cannot be read. */
  entries?: OpenBatch;
  /** Nothing is left of it, and a signed tombstone says why. */
  retired: boolean;
}

/**
 * Reads a batch from where it lies and holds record, manifest and lines to each other: one fault for each of them that is
 * wrong, and the entries if anything vouches for them. Keeps nothing and changes nothing.
 */
@Injectable()
export class BatchOpening {
  constructor(
    private readonly cold: ColdStores,
    private readonly tombstones: Tombstones,
    private readonly keys: AuditKeys,
  ) {}

  /** Where the primary has no whole batch the copy is asked too. Rejects with the signal's reason. */
  async open(record: ArchiveBatch, view: ColdView): Promise<OpenedBatch> {
    const field = malformedField(record);
    if (field !== undefined) return unreadable(record, recordFault(field));
    if (record.state === 'retired') return this.retired(record, view);
    if (view.place === 'copy' && !record.copy) return unreadable(record, notCopied);
    const found = await this.openIn(record, view);
    if (found.entries || view.place === 'copy' || !this.cold.hasCopy) return found;
    const copy = await this.openIn(record, { ...view, place: 'copy' });
    if (!copy.entries) return found;
    const faults = found.faults.map((fault) => ({ ...fault, reason: `${fault.reason}; the copy was read instead` }));
    return { ...copy, faults };
  }

  private async openIn(record: ArchiveBatch, view: ColdView): Promise<OpenedBatch> {
    const judged = await this.manifest(record, view);
    const { manifest, signer, fault, sha256: manifestSha256 } = judged;
    const place: BatchPlace = manifest ?? record;
    const lines = await this.lines(record, manifest, view);
    const entries = Buffer.isBuffer(lines) ? await entriesOf(place, lines) : lines;
    const whole = entries instanceof OpenBatch;
    return {
      ...{ record, from: place.startSeq, to: place.endSeq },
      faults: [...(fault ? [fault] : []), ...(whole || !entries ? [] : [entries])],
      ...(manifest && { manifest }),
      ...(signer !== undefined && { signer }),
      ...(manifestSha256 !== '' && { manifestSha256 }),
      ...(whole && { entries }),
      retired: false,
    };
  }

  private async manifest(record: ArchiveBatch, view: ColdView): Promise<JudgedManifest> {
    const text = await this.object(record, 'manifest', view);
    if (!(text instanceof Uint8Array)) return { sha256: '', fault: text };
    const macOf = (keyId: string, bytes: Uint8Array): Uint8Array | undefined =>
      this.keys.signs ? this.keys.archiveMac(record.tenant, bytes, keyId) : undefined;
    return judgedManifest(text, record, { keys: view.keys, macOf });
  }

  /** The lines; or what is wrong; or undefined where nothing is, and only the manifest could have told how to read them. */
  private async lines(
    record: ArchiveBatch,
    manifest: ArchiveManifest | undefined,
    view: ColdView,
  ): Promise<Buffer | BatchFault | undefined> {
    const jsonl = manifest?.jsonl ?? linesOf(record);
    const versionId = manifest && view.place === 'primary' ? jsonl.versionId : record.versionIds.jsonl;
    const versionIds = versionId === undefined ? {} : { jsonl: versionId };
    const bytes = await this.object({ ...record, jsonlKey: jsonl.key, versionIds }, 'jsonl', view);
    if (!(bytes instanceof Uint8Array)) return bytes;
    const sealed = manifest === undefined && record.encryption !== null;
    try {
      if (!sealed) return await unpackedBatch(bytes, jsonl, jsonl.encryption && (await this.keys.archiveRing()));
      const fault = await storedBytesFault(bytes, jsonl);
      if (fault === undefined) return undefined;
      throw fault;
    } catch (error) {
      const { code, message } = archiveRefusal(error);
      return (await swapped(record, bytes, view)) ?? linesFault(code, message);
    }
  }

  private async object(record: ArchiveBatch, part: ColdPart, view: ColdView): Promise<Uint8Array | BatchFault> {
    const key = keyOf(record, part);
    try {
      return (await this.cold.readFrom(view.place, record, part, { signal: view.signal })).bytes;
    } catch (error) {
      view.signal.throwIfAborted();
      const fault = storeFault(part, key, hasCode(error) ? codeOf(error) : undefined);
      const other = fault.class === 'archive_missing' ? await elsewhere(key, view) : undefined;
      if (other === undefined) return fault;
      return { ...fault, code: 'ARCHIVE.OBJECT_MOVED', reason: `the object of ${key} lies at ${other}` };
    }
  }

  private async retired(record: ArchiveBatch, { place, signal }: ColdView): Promise<OpenedBatch> {
    try {
      if (await this.tombstones.of(record, { place, signal })) return { ...unreadable(record), retired: true };
      if (place === 'copy' && (await this.tombstones.of(record, { signal }))) return unreadable(record, notCopied);
    } catch (error) {
      signal.throwIfAborted();
      return unreadable(record, storeFault('manifest', record.manifestKey, hasCode(error) ? codeOf(error) : undefined));
    }
    const reason = 'the record says that it has retired, and no signed tombstone does';
    return unreadable(record, { class: 'archive_missing', code: 'ARCHIVE.TOMBSTONE_MISSING', reason });
  }
}

async function elsewhere(key: string, view: ColdView): Promise<string | undefined> {
  return view.stored.elsewhere(key, view).catch(() => {
    view.signal.throwIfAborted();
    return undefined; // that it is not at its key is known already
  });
}

async function swapped(record: ArchiveBatch, bytes: Uint8Array, { stored }: ColdView): Promise<BatchFault | undefined> {
  const other = await stored.batchOf(sha256Hex(bytes), record);
  if (!other) return undefined;
  const reason = `the lines of batch ${other._id}, seq ${other.startSeq} to ${other.endSeq}, lie in its place`;
  return { class: 'archive_altered', code: 'ARCHIVE.OBJECT_SWAPPED', field: 'jsonl', reason };
}

async function entriesOf(place: BatchPlace, lines: Buffer): Promise<OpenBatch | BatchFault> {
  try {
    return await OpenBatch.of(place, lines);
  } catch (error) {
    const { code, message } = archiveRefusal(error);
    return linesFault(code, message);
  }
}

const notCopied: BatchFault = {
  class: 'cannot_read',
  code: 'ARCHIVE.NOT_COPIED',
  reason: 'the batch was not copied yet',
};

const unreadable = (record: ArchiveBatch, fault?: BatchFault): OpenedBatch => ({
  record,
  from: record.startSeq,
  to: record.endSeq,
  faults: fault ? [fault] : [],
  retired: false,
});

function recordFault(field: string): BatchFault {
  const reason = `${field} of the record is no value of a batch record`;
  return { class: 'manifest_changed', code: 'ARCHIVE.RECORD_CHANGED', field, reason };
}

/** What is left to read lines by where the manifest is not. */
const linesOf = (record: ArchiveBatch): ArchivedLines => ({
  key: record.jsonlKey,
  sha256: record.sha256,
  storedSha256: record.storedSha256,
  bytes: record.bytesUncompressed,
  storedBytes: record.bytesStored,
  encoding: 'gzip',
});
