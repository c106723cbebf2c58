import { buffer } from 'node:stream/consumers';
import { hasCode } from '#libs/kernel';
import { HASH_BYTES, hashesOfTile, TILE_WIDTH, tilePath } from '#libs/ledger';
import {
  openObjectStore,
  type GetOptions,
  type ObjectStore,
  type ObjectStoreErrorCode,
  type StoredObject,
} from '#libs/object-store';
import { AuditError } from '../audit.errors.js';

const DAY_MS = 86_400_000;
const SIZE_DIGITS = 16;

export interface AnchorStoreSettings {
  url: string;
  accessKey?: string | undefined;
  secretKey?: string | undefined;
  retainDays: number;
}

/** An anchored checkpoint, not read yet. */
export interface AnchoredCheckpoint {
  size: number;
  key: string;
}

export interface AnchoredObject {
  bytes: Uint8Array;
  /** By the store's clock. */
  storedAt: Date;
}

/** What was asked to be kept, and what is there instead. */
export class UnequalObject extends Error {
  constructor(
    readonly key: string,
    readonly found: Uint8Array | undefined,
  ) {
    super(`what is anchored at ${key} is not what was to be anchored there`);
  }
}

/**
 * The object store that holds copies: below each origin `checkpoints/<size in 16 digits>` (the signed note) and the
 * full tiles of level 0 under their C2SP names. Nothing is ever replaced or deleted.
 */
export class AnchorStore {
  private opened: Promise<ObjectStore> | undefined;

  constructor(private readonly settings: AnchorStoreSettings) {}

  /** `s3://<bucket>`, or `file`. */
  get name(): string {
    const { protocol, hostname } = new URL(this.settings.url);
    return protocol === 's3:' ? `s3://${hostname}` : 'file';
  }

  checkpointKey = (origin: string, size: number): string =>
    `${origin}/checkpoints/${String(size).padStart(SIZE_DIGITS, '0')}`;

  tileKey = (origin: string, index: number): string => `${origin}/${tilePath({ level: 0, index })}`;

  /**
   * Puts the bytes where nothing is; the same bytes there already is success. Retained where the store can. Rejects
   * with UnequalObject when others are there, and with OBJECT_STORE. codes.
   */
  async putOnce(key: string, bytes: Uint8Array, signal: AbortSignal): Promise<StoredObject> {
    const store = await this.store();
    const { retainDays } = this.settings;
    const retainUntil = store.retention && retainDays > 0 ? new Date(Date.now() + retainDays * DAY_MS) : undefined;
    try {
      return await store.put(key, bytes, { ifAbsent: true, bytes: bytes.length, retainUntil, signal });
    } catch (error) {
      if (!hasCode<ObjectStoreErrorCode>(error, 'OBJECT_STORE.EXISTS')) throw error;
    }
    const there = await this.read(key, { signal });
    if (there === undefined || Buffer.compare(there.bytes, bytes) !== 0) throw new UnequalObject(key, there?.bytes);
    const object = await store.head(key, { signal });
    if (retainUntil === undefined || object.retainUntil !== undefined) return object;
    // Whoever put it there before us did not lock it.
    await store.retain(key, retainUntil, { signal });
    return { ...object, retainUntil };
  }

  /** Undefined when it is not what was put there, or is gone. */
  async read(key: string, options: GetOptions = {}): Promise<AnchoredObject | undefined> {
    const store = await this.store();
    try {
      const { body, storedAt } = await store.get(key, options);
      return { bytes: await buffer(body), storedAt };
    } catch (error) {
      const altered = (['OBJECT_STORE.CORRUPT', 'OBJECT_STORE.NOT_FOUND'] as const).some((code) =>
        hasCode(error, code),
      );
      if (altered) return undefined;
      throw error;
    }
  }

  /** By size, from the lowest that is at least `from`. */
  async *checkpoints(origin: string, from = 0): AsyncGenerator<AnchoredCheckpoint> {
    const prefix = `${origin}/checkpoints/`;
    const after = from > 0 ? this.checkpointKey(origin, from - 1) : undefined;
    for await (const { key } of (await this.store()).list(prefix, { after })) {
      const size = key.slice(prefix.length);
      if (/^\d{16}$/.test(size)) yield { size: Number(size), key };
    }
  }

  /** The leaf hashes of the full tile; undefined when it is not anchored (or no tile any more). */
  async leafHashes(origin: string, index: number): Promise<Uint8Array[] | undefined> {
    const tile = await this.read(this.tileKey(origin, index));
    return tile?.bytes.length === TILE_WIDTH * HASH_BYTES ? hashesOfTile(tile.bytes, TILE_WIDTH) : undefined;
  }

  /** For the end of the process. */
  async close(): Promise<void> {
    (await this.opened?.catch(() => undefined))?.close();
  }

  /** Opened when it is first needed: a store that does not answer keeps nobody from starting. */
  private async store(): Promise<ObjectStore> {
    const { url, accessKey, secretKey } = this.settings;
    const credentials = accessKey !== undefined &&
      secretKey !== undefined && { accessKeyId: accessKey, secretAccessKey: secretKey };
    this.opened ??= openObjectStore(url, { ...(credentials && { credentials }) });
    try {
      return await this.opened;
    } catch (error) {
      this.opened = undefined;
      throw error;
    }
  }
}

/** A fault in what an anchor store holds. */
export const anchorMismatch = (key: string): AuditError =>
  new AuditError('AUDIT.ANCHOR_MISMATCH', `expected what was anchored at ${key}, found something else or nothing`);
