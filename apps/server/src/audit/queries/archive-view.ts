import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import type { Restoration } from '../storage/restorations.store.js';
import type { ArchiveView } from './list-archives.query.js';

/** A batch's record as it is answered, everywhere the same. `restorations`: by id of the batch. */
export function archiveView(
  batch: ArchiveBatch,
  restorations: ReadonlyMap<string, Pick<Restoration, 'state' | 'until'>>,
): ArchiveView {
  const { archivedAt, retention, copy, holds = [] } = batch;
  const restored = restorations.get(batch._id);
  return {
    id: batch._id,
    ...shown(batch),
    archivedAt: archivedAt.toISOString(),
    retention: { mode: retention.mode, until: retention.until?.toISOString() ?? null },
    copy: copy ? { copiedAt: copy.copiedAt.toISOString(), versionIds: copy.versionIds } : null,
    holds,
    restored: restored ? { state: restored.state, until: restored.until.toISOString() } : null,
  };
}

/** Everything that is answered as it is stored. */
function shown(batch: ArchiveBatch) {
  const { startSeq, endSeq, eventCount, minEventId, maxEventId, minTs, maxTs } = batch;
  const { sha256, storedSha256, manifestSha256, previousManifestSha256, previousChainHash, endChainHash } = batch;
  const { jsonlKey, manifestKey, versionIds, bytesUncompressed, bytesStored } = batch;
  const { checkpointSize, encryption, state } = batch;
  return {
    ...{ startSeq, endSeq, eventCount, minEventId, maxEventId, minTs, maxTs },
    ...{ sha256, storedSha256, manifestSha256, previousManifestSha256, previousChainHash, endChainHash },
    ...{ jsonlKey, manifestKey, versionIds, bytesUncompressed, bytesStored },
    ...{ checkpointSize, encryption, state },
  };
}
