/** What one run of the archive did; `batchId` is null when nothing was to be archived. */
export interface ArchiveOutcome {
  ok: true;
  batchId: string | null;
  startSeq: number | null;
  endSeq: number | null;
  eventCount: number;
}
