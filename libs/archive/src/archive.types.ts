/** What is signed of one batch. SHA-256 in 64 lower-case hex digits; times in UTC with milliseconds. */
export interface ArchiveManifest {
  version: 1;
  tenant: string;
  origin: string;
  startSeq: number;
  /** The last seq that is in it. */
  endSeq: number;
  eventCount: number;
  minTs: string;
  maxTs: string;
  /** Chain hash of startSeq - 1; SHA-256 of the ledger's first origin before seq 0. */
  previousChainHash: string;
  /** Chain hash of endSeq. */
  endChainHash: string;
  /** The signed note of a checkpoint of this origin whose tree holds endSeq. */
  checkpoint: string;
  jsonl: ArchivedLines;
  /** SHA-256 of the text of the manifest of the batch before this one; null for a ledger's first batch. */
  previousManifestSha256: string | null;
  archivedAt: string;
  /** Which keys are under the envelope: the Ed25519 key's, then the MAC key's. */
  keyIds: string[];
}

/** The object that holds the lines. */
export interface ArchivedLines {
  key: string;
  /** The store's own name for the version that was put, where it has versions. */
  versionId?: string;
  /** Of the lines, uncompressed. */
  sha256: string;
  /** Of the object as it is stored. */
  storedSha256: string;
  bytes: number;
  storedBytes: number;
  encoding: 'gzip';
  /** Absent: the stored bytes are the gzip member itself. */
  encryption?: BatchEncryption;
}

/** How the gzip member was encrypted; `unpackedBatch` says what is decrypted how. */
export interface BatchEncryption {
  algorithm: 'AES-256-GCM';
  /** Which key of the ring wraps the data key. */
  keyId: string;
  /** IV, encrypted data key and tag: 12 + 32 + 16 bytes in base64. */
  wrappedKey: string;
  /** 12 bytes in base64. */
  iv: string;
}

/** One batch, ready to be put. */
export type PackedBatch = Omit<ArchivedLines, 'key' | 'versionId'> & { stored: Buffer };

/** Which part of which ledger a batch is. */
export interface BatchRange {
  tenant: string;
  startSeq: number;
  endSeq: number;
}

/** Keys that data keys are wrapped with: new batches with `current`, older ones are read with the others. */
export interface ArchiveKeyRing {
  readonly current: string | undefined;
  readonly ids: readonly string[];
  /** 32 bytes. */
  key(id: string): Uint8Array | undefined;
}
