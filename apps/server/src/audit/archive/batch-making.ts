import { Inject, Injectable } from '@nestjs/common';
import {
  batchKeys,
  manifestText,
  packedBatch,
  sha256Hex,
  type ArchiveManifest,
  type DsseSigning,
  type PackedBatch,
} from '#libs/archive';
import { hasCode, uuidv7 } from '#libs/kernel';
import { parseCheckpoint, parseNote } from '#libs/ledger';
import type { StoredObject } from '#libs/object-store';
import { Settings } from '../../settings.js';
import { AnchorTargets } from '../anchors/anchor-targets.js';
import { AuditError } from '../audit.errors.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { Holds } from '../holds/holds.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { ArchiveDrafts, type ArchiveDraft } from '../storage/archive-drafts.store.js';
import { Checkpoints, type StoredCheckpoint } from '../storage/checkpoints.store.js';
import { ArchiveObjects } from './archive-objects.js';
import { ArchiveSource, type SourceLines } from './archive-source.js';
import type { Selection } from './batch-selection.js';

/** A range that may be archived, and what it is linked to. */
export interface NextBatch extends Selection {
  tenant: string;
  /** The newest batch that is recorded. */
  previous: ArchiveBatch | null;
  /** Chain hash of the entry before it, hex. */
  previousChainHash: string;
}

/** Everything of a batch before anything is in the cold store. `stored`: absent where the lines lie there already. */
interface Prepared {
  draft: ArchiveDraft;
  source: SourceLines;
  checkpoint: StoredCheckpoint;
  signing: DsseSigning;
  stored?: Buffer;
}

/** Brings a range to the cold store, steps 2 to 4 of docs/design/archive.md §7. Deletes nothing, records nothing. */
@Injectable()
export class BatchMaking {
  constructor(
    @Inject(Settings) private readonly settings: { audit: { cold: Pick<Settings['audit']['cold'], 'encrypt'> } },
    private readonly source: ArchiveSource,
    private readonly checkpoints: Checkpoints,
    private readonly targets: AnchorTargets,
    private readonly drafts: ArchiveDrafts,
    private readonly objects: ArchiveObjects,
    private readonly holds: Holds,
    private readonly keys: AuditKeys,
  ) {}

  /**
   * Resolves with the record of a batch whose two objects are in the cold store and read back as they were put. Called
   * again after it failed or died, it goes on with the same objects. Rejects with AUDIT.ENTRY_CONTRADICTED,
   * AUDIT.TILE_MISSING, AUDIT.ARCHIVE_OCCUPIED, AUDIT.ARCHIVE_UNPROVEN, AUDIT.CHECKPOINT_NOT_FOUND or with OBJECT_STORE
   * codes; everything is hot then.
   */
  async make(next: NextBatch, now: Date, signal: AbortSignal): Promise<ArchiveBatch> {
    const left = await this.goingOn(next, signal);
    try {
      return await this.placed(next, left ?? (await this.begun(next, now, signal)), now, signal);
    } catch (error) {
      if (!left || dayOf(left.draft.archivedAt) === dayOf(now) || !hasCode(error, 'AUDIT.ARCHIVE_OCCUPIED'))
        throw error;
      // Something else lies at the keys of the draft's day; today's are others.
      return this.placed(next, await this.begun(next, now, signal), now, signal);
    }
  }

  private async placed(next: NextBatch, prepared: Prepared, now: Date, signal: AbortSignal): Promise<ArchiveBatch> {
    const { draft, source, stored } = prepared;
    const { tenant } = next;
    const { archivedAt, jsonl } = draft;
    const { jsonlKey, manifestKey } = batchKeys({ tenant, ...source.range, archivedAt, sha256: jsonl.sha256 });
    const holds = await this.holds.of(tenant, source.range);
    const kept = { archivedAt: now, legalHold: holds.length > 0 };

    const lines = await this.linesPut({ ...kept, key: jsonlKey, sha256: jsonl.storedSha256 }, stored, signal);
    // If the process dies here, the draft says which lines these are, and the next run finds them.
    const { by, manifest } = await this.manifestPut(next, prepared, lines, { ...kept, key: manifestKey }, signal);
    // If the process dies here, the next run makes the same manifest and finds it there.
    const batch: ArchiveBatch = {
      ...recordOf(next, by),
      ...{ jsonlKey, manifestKey, manifestSha256: manifest.sha256 },
      versionIds: { ...versionOf('jsonl', lines), ...versionOf('manifest', manifest) },
      retention: { mode: lines.lockMode ?? null, until: lines.retainUntil ?? null },
      ...(holds.length > 0 && { holds }),
    };
    await this.objects.check(batch, await this.keys.archiveRing(), signal);
    // If the process dies here, the next run finds both objects and checks them again.
    return batch;
  }

  /** Resolves with what is there then, and by what it was made: another draft's time and checkpoint may count. */
  private async manifestPut(
    next: NextBatch,
    prepared: Prepared,
    { version }: StoredObject,
    object: { key: string; archivedAt: Date; legalHold: boolean },
    signal: AbortSignal,
  ): Promise<{ by: Prepared; manifest: StoredObject }> {
    const put = async (by: Prepared): Promise<{ by: Prepared; manifest: StoredObject }> => {
      const bytes = textOf(next, by, version);
      const contentType = 'application/json';
      return {
        by,
        manifest: await this.objects.put({ ...object, bytes, sha256: sha256Hex(bytes), contentType }, signal),
      };
    };
    try {
      return await put(prepared);
    } catch (error) {
      if (!hasCode(error, 'AUDIT.ARCHIVE_OCCUPIED')) throw error;
      const there = await this.objects.manifest(object.key, signal);
      const by = there && (await this.asThere(prepared, there.manifest));
      if (!by || sha256Hex(textOf(next, by, version)) !== there.sha256) throw error;
      return put(by);
    }
  }

  /**
   * By what another run made the manifest that lies there, if it is one: its draft was replaced, and it put it all the
   * same. Of it are taken its time, and which checkpoint and MAC key of ours it names; the rest comes from the hot
   * entries, and whether it is the same manifest, its text tells that is made anew.
   */
  private async asThere(
    prepared: Prepared,
    { checkpoint: note, archivedAt, keyIds, jsonl }: ArchiveManifest,
  ): Promise<Prepared | undefined> {
    const {
      _id: tenant,
      jsonl: { key },
    } = prepared.draft;
    const checkpointSize = parseCheckpoint(parseNote(note).text).size;
    const checkpoint = jsonl.key === key ? await this.checkpoints.at(tenant, checkpointSize) : null;
    if (!checkpoint || !(await this.checkpoints.keepFor(tenant, checkpointSize, 'batch_end'))) return undefined;
    const draft = {
      ...prepared.draft,
      archivedAt: new Date(archivedAt),
      checkpointSize,
      macKeyId: keyIds[1] as string,
    };
    const signing = await this.signingIfThere(draft);
    return signing && { ...prepared, draft, checkpoint, signing };
  }

  /** What another run had put before it died, made anew of the hot entries; undefined when there is nothing to go on with. */
  private async goingOn(next: NextBatch, signal: AbortSignal): Promise<Prepared | undefined> {
    const { tenant, start, previousChainHash } = next;
    const draft = await this.drafts.of(tenant);
    if (draft?.startSeq !== start || draft.endSeq >= next.end) return undefined;
    const there = await this.objects.find(draft.jsonl.key, signal);
    if (there?.sha256 !== draft.jsonl.storedSha256) return undefined;
    const [source, checkpoint, signing] = await Promise.all([
      this.source.lines(tenant, { start, end: draft.endSeq + 1 }, previousChainHash, signal),
      this.checkpoints.at(tenant, draft.checkpointSize),
      this.signingIfThere(draft),
    ]);
    const same = source.range.endSeq === draft.endSeq && sha256Hex(source.lines) === draft.jsonl.sha256;
    if (!same || !checkpoint || checkpoint.size <= source.range.endSeq || !signing) return undefined;
    return { draft, source, checkpoint, signing };
  }

  private async begun(next: NextBatch, now: Date, signal: AbortSignal): Promise<Prepared> {
    const { tenant, previousChainHash } = next;
    const source = await this.source.lines(tenant, next, previousChainHash, signal);
    const { startSeq, endSeq } = source.range;
    const checkpoint = await this.coveringCheckpoint(tenant, endSeq + 1);
    const { stored, ...packed } = await this.packed(tenant, source);
    const { jsonlKey } = batchKeys({ tenant, startSeq, endSeq, archivedAt: now, sha256: packed.sha256 });
    const draft: ArchiveDraft = {
      ...{ _id: tenant, batch: uuidv7(now.getTime()), startSeq, endSeq, archivedAt: now },
      ...{ checkpointSize: checkpoint.size, signedAtSize: await this.checkpoints.publishedSize(tenant) },
      ...{ macKeyId: this.keys.macIds.current, jsonl: { key: jsonlKey, ...packed } },
    };
    const signing = await this.signingOf(draft);
    await this.drafts.keep(draft);
    // If the process dies here, nothing lies at the draft's keys, and the next run begins another.
    return { draft, source, checkpoint, signing, stored };
  }

  /** Kept for ever from now on: the manifest has its text, and verification asks for it at the end of each batch. */
  private async coveringCheckpoint(tenant: string, size: number): Promise<StoredCheckpoint> {
    const anchored = this.targets.all.length > 0;
    const checkpoint = await this.checkpoints.smallestCovering(tenant, size, { anchored });
    if (checkpoint && (await this.checkpoints.keepFor(tenant, checkpoint.size, 'batch_end'))) return checkpoint;
    const what = anchored ? 'an anchored checkpoint' : 'a checkpoint';
    throw new AuditError(
      'AUDIT.CHECKPOINT_NOT_FOUND',
      `expected ${what} of ${tenant} over ${size} entries, found none`,
    );
  }

  private async packed(tenant: string, { lines, range: { startSeq, endSeq } }: SourceLines): Promise<PackedBatch> {
    if (!this.settings.audit.cold.encrypt) return packedBatch(lines);
    const ring = await this.keys.archiveRingToWrite();
    return packedBatch(lines, { encrypt: { tenant, startSeq, endSeq, ring } });
  }

  /** The key that signs the ledger now: the one that signed the covering checkpoint may be gone. */
  private async signingOf({ _id: tenant, checkpointSize, signedAtSize, macKeyId }: ArchiveDraft): Promise<DsseSigning> {
    const origin = (await this.checkpoints.at(tenant, checkpointSize))?.origin;
    if (origin === undefined)
      throw new AuditError(
        'AUDIT.CHECKPOINT_NOT_FOUND',
        `there is no checkpoint of ${tenant} of ${checkpointSize} entries`,
      );
    const signer = await this.keys.archiveSigner(tenant, origin, signedAtSize);
    const mac = (bytes: Uint8Array): Uint8Array => {
      const made = this.keys.archiveMac(tenant, bytes, macKeyId);
      if (made) return made;
      throw new AuditError('AUDIT.KEY_RETIRED', `the MAC key ${macKeyId} is not in the ring any more`);
    };
    return { signer, mac: { keyId: macKeyId, mac } };
  }

  private async signingIfThere(draft: ArchiveDraft): Promise<DsseSigning | undefined> {
    return this.signingOf(draft).catch((error: unknown) => {
      if (hasCode(error, 'AUDIT.KEY_RETIRED')) return undefined;
      throw error;
    });
  }

  private async linesPut(
    object: { key: string; sha256: string; archivedAt: Date; legalHold: boolean },
    stored: Buffer | undefined,
    signal: AbortSignal,
  ): Promise<StoredObject> {
    if (stored) return this.objects.put({ ...object, bytes: stored, contentType: 'application/gzip' }, signal);
    const there = await this.objects.find(object.key, signal);
    if (there) return this.objects.kept(there, object, signal);
    throw new AuditError('AUDIT.ARCHIVE_UNPROVEN', `${object.key} was there and is gone`);
  }
}

const textOf = (next: NextBatch, prepared: Prepared, versionId: string | undefined): Buffer =>
  Buffer.from(manifestText(manifestOf(next, prepared, versionId), prepared.signing), 'utf8');

function manifestOf(
  { tenant, previous }: NextBatch,
  { draft, source, checkpoint, signing }: Prepared,
  versionId: string | undefined,
): ArchiveManifest {
  return {
    ...{ version: 1, tenant, origin: checkpoint.origin, ...source.range, checkpoint: checkpoint.note },
    jsonl: { ...draft.jsonl, ...(versionId !== undefined && { versionId }) },
    ...{ previousManifestSha256: previous?.manifestSha256 ?? null, archivedAt: draft.archivedAt.toISOString() },
    keyIds: [signing.signer.keyId, signing.mac.keyId],
  };
}

type Placed = 'jsonlKey' | 'manifestKey' | 'manifestSha256' | 'versionIds' | 'retention';

function recordOf(
  { tenant, previous }: NextBatch,
  { draft, source, checkpoint }: Prepared,
): Omit<ArchiveBatch, Placed> {
  const { jsonl } = draft;
  return {
    ...{ _id: draft.batch, tenant, archivedAt: draft.archivedAt, ...source.range, ...source.ids },
    ...{ sha256: jsonl.sha256, storedSha256: jsonl.storedSha256 },
    ...{ bytesUncompressed: jsonl.bytes, bytesStored: jsonl.storedBytes },
    ...{ previousManifestSha256: previous?.manifestSha256 ?? null, checkpointSize: checkpoint.size },
    encryption: jsonl.encryption ? { algorithm: jsonl.encryption.algorithm, keyId: jsonl.encryption.keyId } : null,
    state: 'recorded',
  };
}

const versionOf = (part: 'jsonl' | 'manifest', { version }: StoredObject): ArchiveBatch['versionIds'] =>
  version === undefined ? {} : { [part]: version };

const dayOf = (time: Date): string => time.toISOString().slice(0, 10);
