import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { codeOf, hasCode } from '#libs/kernel';
import {
  ObjectStoreError,
  openObjectStore,
  type CallOptions,
  type ObjectStore,
  type ObjectStoreErrorCode,
  type PutOptions,
} from '#libs/object-store';
import { Log } from '#libs/telemetry';
import type { Settings } from '../../settings.js';
import { AuditError } from '../audit.errors.js';
import { coldPlaces, isBucket, type ColdPlace } from './cold-places.js';

export type ColdPart = 'jsonl' | 'manifest';
export type ColdPlaceName = 'primary' | 'copy';

/** What a batch record says of its two objects. */
export interface ColdBatch {
  jsonlKey: string;
  manifestKey: string;
  /** SHA-256 of the stored bytes of each, lower-case hex. */
  storedSha256: string;
  manifestSha256: string;
  versionIds: { jsonl?: string | undefined; manifest?: string | undefined };
  copy?: { versionIds: { jsonl?: string | undefined; manifest?: string | undefined } } | undefined;
}

export interface ColdObject {
  bytes: Uint8Array;
  from: ColdPlaceName;
  versionId?: string;
}

/** With what the primary was found to be, when the copy answered for it. */
export interface ReadColdObject extends ColdObject {
  primaryFault?: string;
}

/** No batch is larger; what is, is no batch, and is not read into memory. */
const MAX_OBJECT_BYTES = 64 * 1024 * 1024;
const DAY_MS = 86_400_000;

/**
 * Where archived events lie, and the copy that is kept in step. Every version that a batch record names is asked for
 * by its name, so a delete marker or a newer version in front of it changes nothing.
 *
 * Rejects with OBJECT_STORE. codes, and with AUDIT.COLD_SETTING_INVALID where a lock is asked for that the store has
 * not. Stores are opened when first needed: one that does not answer keeps nobody from starting.
 */
@Injectable()
export class ColdStores implements OnApplicationShutdown {
  private readonly opened = new Map<ColdPlaceName, Promise<ObjectStore>>();

  constructor(
    private readonly places: { primary: ColdPlace; copy: ColdPlace | undefined },
    private readonly settings: Pick<Settings['audit']['cold'], 'sse' | 'lock' | 'retainDays'>,
    private readonly log: Pick<Log, 'warn'>,
  ) {}

  /** Rejects with AUDIT.COLD_SETTING_INVALID or AUDIT.COLD_COPY_NOT_APART. */
  static async load(settings: Pick<Settings, 'audit' | 'dataDir'>, log: Pick<Log, 'warn'>): Promise<ColdStores> {
    return new ColdStores(await coldPlaces(settings), settings.audit.cold, log);
  }

  get hasCopy(): boolean {
    return this.places.copy !== undefined;
  }

  /** `s3://<bucket>`, or `file`; undefined when none is configured. */
  get copyName(): string | undefined {
    if (!this.places.copy) return undefined;
    const { protocol, hostname } = new URL(this.places.copy.url);
    return protocol === 's3:' ? `s3://${hostname}` : 'file';
  }

  primary(): Promise<ObjectStore> {
    return this.store('primary', this.places.primary);
  }

  /** Undefined when none is configured. */
  copy(): Promise<ObjectStore> | undefined {
    return this.places.copy && this.store('copy', this.places.copy);
  }

  /** How an object is put that is archived at that time: locked and encrypted as the settings say. */
  putOptions(
    archivedAt: Date,
    place: ColdPlaceName = 'primary',
  ): Pick<PutOptions, 'retainUntil' | 'lockMode' | 'encryption'> {
    const { lock, retainDays, sse } = this.settings;
    const locked = lock !== 'off' && {
      retainUntil: new Date(archivedAt.getTime() + retainDays * DAY_MS),
      lockMode: lock,
    };
    const encrypted = sse !== 'off' && isBucket(this.places[place]?.url ?? '') && { encryption: sse };
    return { ...locked, ...encrypted };
  }

  /**
   * The object whose digest the batch record has: from the primary, or, when that does not answer, lacks it or has
   * other bytes, from the copy, which `from` and a line of the log say. When neither has it, rejects with what was wrong
   * with the primary (OBJECT_STORE.CORRUPT for other bytes).
   */
  async read(batch: ColdBatch, part: ColdPart, options: CallOptions = {}): Promise<ReadColdObject> {
    try {
      return await this.readChecked('primary', batch, part, options);
    } catch (error) {
      if (!this.hasCopy || options.signal?.aborted) throw error;
      const primaryFault = codeOf(error);
      this.log.warn('audit.cold_failover', { error_code: primaryFault, object_key: keyOf(batch, part) });
      try {
        return { ...(await this.readChecked('copy', batch, part, options)), primaryFault };
      } catch (cause) {
        this.log.warn('audit.cold_copy_failed', { error_code: codeOf(cause), object_key: keyOf(batch, part) });
        throw error; // the primary is what has to be mended first
      }
    }
  }

  /**
   * What that place has under the recorded version, whatever its digest: for a verification, which judges it. Rejects
   * with OBJECT_STORE.NOT_FOUND when it has none, and when no copy is configured.
   */
  async readFrom(
    place: ColdPlaceName,
    batch: ColdBatch,
    part: ColdPart,
    options: CallOptions = {},
  ): Promise<ColdObject> {
    const store = await (place === 'primary' ? this.primary() : this.copy());
    const key = keyOf(batch, part);
    if (!store) throw new ObjectStoreError('OBJECT_STORE.NOT_FOUND', `no copy of ${key}: none is configured`);
    const versionId = versionIdsIn(batch, place)?.[part];
    const { body, bytes } = await store.get(key, { ...options, version: versionId });
    if (bytes > MAX_OBJECT_BYTES) {
      body.destroy();
      throw corrupt(`expected at most ${MAX_OBJECT_BYTES} bytes at ${key}, found ${bytes}`);
    }
    return { bytes: await buffer(body), from: place, ...(versionId !== undefined && { versionId }) };
  }

  /**
   * Puts both objects of the batch on legal hold, or ends it, wherever they are: the recorded versions. A store that
   * knows no holds is passed by. May be repeated.
   */
  async hold(batch: ColdBatch, held: boolean, options: CallOptions = {}): Promise<void> {
    await this.each(batch, async (store, key, version) => {
      if (store.retention) await store.hold(key, held, { ...options, version });
    });
  }

  /**
   * Removes both objects of the batch from the primary and from the copy, every version. OBJECT_STORE.RETAINED while a
   * lock holds. May be repeated.
   */
  async remove(batch: ColdBatch, options: CallOptions = {}): Promise<void> {
    // If the process dies in between, the rest is still there: called again it goes on.
    await this.each(batch, (store, key) => store.delete(key, options));
  }

  async onApplicationShutdown(): Promise<void> {
    for (const opening of this.opened.values()) (await opening.catch(() => undefined))?.close();
  }

  /** The object whose digest the batch record has, from that place; OBJECT_STORE.CORRUPT for other bytes. */
  async readChecked(
    place: ColdPlaceName,
    batch: ColdBatch,
    part: ColdPart,
    options: CallOptions = {},
  ): Promise<ColdObject> {
    const found = await this.readFrom(place, batch, part, options);
    const sha256 = createHash('sha256').update(found.bytes).digest('hex');
    const expected = part === 'jsonl' ? batch.storedSha256 : batch.manifestSha256;
    if (sha256 === expected) return found;
    throw corrupt(`expected SHA-256 ${expected} at ${keyOf(batch, part)}, found ${sha256}`);
  }

  /**
   * The primary first, which must have it: a copier that looks at the primary's lock after it has put the copy sees
   * what was changed before the copy was there. The copy may lack what is not copied yet.
   */
  private async each(
    batch: ColdBatch,
    act: (store: ObjectStore, key: string, version: string | undefined) => Promise<void>,
  ): Promise<void> {
    const copy = await this.copy();
    for (const part of ['jsonl', 'manifest'] as const) {
      const key = keyOf(batch, part);
      await act(await this.primary(), key, versionIdsIn(batch, 'primary')?.[part]);
      if (!copy) continue;
      await act(copy, key, versionIdsIn(batch, 'copy')?.[part]).catch((error: unknown) => {
        if (!hasCode<ObjectStoreErrorCode>(error, 'OBJECT_STORE.NOT_FOUND')) throw error;
      });
    }
  }

  private async store(name: ColdPlaceName, { url, credentials, setting }: ColdPlace): Promise<ObjectStore> {
    const opening = this.opened.get(name) ?? openObjectStore(url, { credentials });
    this.opened.set(name, opening);
    try {
      const store = await opening;
      if (this.settings.lock === 'off' || store.retention) return store;
      const message = `AUDIT_COLD_LOCK: expected Object Lock in the bucket of ${setting}, found none`;
      throw new AuditError('AUDIT.COLD_SETTING_INVALID', message);
    } catch (error) {
      if (this.opened.get(name) === opening) this.opened.delete(name);
      void opening.then(
        (store) => store.close(),
        () => undefined,
      );
      throw error;
    }
  }
}

export const keyOf = (batch: Pick<ColdBatch, 'jsonlKey' | 'manifestKey'>, part: ColdPart): string =>
  part === 'jsonl' ? batch.jsonlKey : batch.manifestKey;

const versionIdsIn = (batch: ColdBatch, place: ColdPlaceName) =>
  place === 'primary' ? batch.versionIds : batch.copy?.versionIds;

const corrupt = (message: string): ObjectStoreError => new ObjectStoreError('OBJECT_STORE.CORRUPT', message);
