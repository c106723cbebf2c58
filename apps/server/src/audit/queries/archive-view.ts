import type { ArchiveBatch } from '../domain/archive-batch.js';
import type { ArchiveView } from './list-archives.query.js';

/** A batch's record as it is answered, everywhere the same. */
export function archiveView(batch: ArchiveBatch): ArchiveView {
  const { archivedAt, retention, copy, holds = [] } = batch;
  return {
    id: batch._id,
    ...shown(batch),
    archivedAt: archivedAt.toISOString(),
    retention: { mode: retention.mode, until: retention.until?.toISOString() ?? null },
    copy: copy ? { copiedAt: copy.copiedAt.toISOString(), versionIds: copy.versionIds } : null,
    holds,
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
