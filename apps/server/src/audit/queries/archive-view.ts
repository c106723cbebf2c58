import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import type { Restoration } from '../storage/restorations.store.js';
import type { ArchiveView } from './list-archives.query.js';

/** A batch's record as it is answered, everywhere the same. `restorations`: by id of the batch. */
export function archiveView(
  batch: ArchiveBatch,
  restorations: ReadonlyMap<string, Pick<Restoration, 'state' | 'until'>>,
): ArchiveView {
  const { _id: id, archivedAt, retention, copy, holds = [], ...stored } = batch;
  const restored = restorations.get(id);
  return {
    id,
    ...stored,
    archivedAt: archivedAt.toISOString(),
    retention: { mode: retention.mode, until: retention.until?.toISOString() ?? null },
    copy: copy ? { copiedAt: copy.copiedAt.toISOString(), versionIds: copy.versionIds } : null,
    holds,
    restored: restored ? { state: restored.state, until: restored.until.toISOString() } : null,
  };
}
