/** `retired`: its retention is over and its objects are gone; a signed tombstone says so. */
export type ArchiveBatchState = 'recorded' | 'deleting' | 'done' | 'retired';

/** One archived range of a ledger: what the database says of its two objects. The objects prove themselves. */
export interface ArchiveBatch {
  /** UUIDv7. */
  _id: string;
  tenant: string;
  archivedAt: Date;
  startSeq: number;
  /** Inclusive; `startSeq` and `endSeq + 1` are multiples of 256. */
  endSeq: number;
  eventCount: number;
  /** SHA-256 of the manifest object's bytes, hex: a changed manifest is known without its old form. */
  manifestSha256: string;
  jsonlKey: string;
  manifestKey: string;
  /** SHA-256 of the lines, hex. */
  sha256: string;
  /** SHA-256 of the stored object, hex. */
  storedSha256: string;
  bytesUncompressed: number;
  bytesStored: number;
  /** Where the store keeps versions: which ones are ours. */
  versionIds: { jsonl?: string; manifest?: string };
  /** Smallest and largest of its event ids and of its `ts`; ids and times need not be in the order of seq. */
  minEventId: string;
  maxEventId: string;
  minTs: string;
  maxTs: string;
  /** Chain hash at `startSeq - 1` (before seq 0 that of the origin) and at `endSeq`, hex. */
  previousChainHash: string;
  endChainHash: string;
  /** Of the batch before it; null on a ledger's first. */
  previousManifestSha256: string | null;
  /** Size of the covering checkpoint, whose note is in the manifest. */
  checkpointSize: number;
  retention: { mode: 'governance' | 'compliance' | null; until: Date | null };
  encryption: { algorithm: string; keyId: string } | null;
  state: ArchiveBatchState;
  /** Of a retired one: nothing keeps it any more, some of its objects may be gone. Never taken back. */
  going?: true;
  /** When the second store had both objects. */
  copy?: { copiedAt: Date; versionIds: ArchiveBatch['versionIds'] };
  /** Cases whose legal hold lies on it. */
  holds?: string[];
}
