import { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { MongoStore } from '#libs/mongo';
import { ObjectStoreError, type ObjectStore } from '#libs/object-store';
import { OBJECT_STORE } from '../../tokens.js';
import { JobsError } from '../jobs.errors.js';
import type { StoredFile } from '../jobs.types.js';

interface UploadDocument {
  _id: string;
  tenant: string;
  started_at: Date;
}

/**
 * The files of submissions. Which job ids have objects that no job owns yet is recorded before the first byte is stored,
 * until the job is there or the objects are gone: so what a crash leaves is found without listing the object store.
 */
@Injectable()
export class UploadStore {
  constructor(
    private readonly store: MongoStore,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
  ) {}

  /** Durable on return. */
  async begin(tenant: string, jobId: string): Promise<void> {
    const change = { $set: { tenant }, $currentDate: { started_at: true as const } };
    await this.records().updateOne({ _id: jobId }, change, { upsert: true });
  }

  /**
   * Stores one file, hashed while it passes. Rejects with the body's own JobsError, with JOBS.UPLOAD_INTERRUPTED when
   * the body broke off, and with JOBS.STORAGE_UNAVAILABLE.
   */
  async put(tenant: string, jobId: string, name: string, body: AsyncIterable<Uint8Array>): Promise<StoredFile> {
    const key = `${folderOf(tenant, jobId)}input/${name}`;
    try {
      const { bytes, sha256 } = await this.objects.put(key, Readable.from(body, { objectMode: false }));
      return { key, bytes, sha256 };
    } catch (error) {
      if (!(error instanceof ObjectStoreError)) throw error;
      if (error.cause instanceof JobsError) throw error.cause;
      if (error.code === 'OBJECT_STORE.SOURCE_FAILED') throw interrupted(error);
      throw new JobsError('JOBS.STORAGE_UNAVAILABLE', 'the upload could not be stored', { cause: error });
    }
  }

  /** The objects have their job. */
  async end(jobId: string): Promise<void> {
    await this.records().deleteOne({ _id: jobId });
  }

  /** Removes the objects, then the record. Never rejects: a record that stays is found by the next sweep. */
  async discard(tenant: string, jobId: string): Promise<void> {
    try {
      for await (const { key } of this.objects.list(folderOf(tenant, jobId))) await this.objects.delete(key);
      // If the process dies here, the sweep finds no object and removes the record.
      await this.end(jobId);
    } catch {
      return;
    }
  }

  /** Those begun at least `ageMs` ago by the store's clock, oldest first, at most 1,000. */
  async abandoned(ageMs: number): Promise<{ jobId: string; tenant: string }[]> {
    const before = new Date((await this.store.now()).getTime() - ageMs);
    const found = await this.records()
      .find({ started_at: { $lte: before } })
      .sort({ started_at: 1 })
      .limit(1_000)
      .toArray();
    return found.map(({ _id, tenant }) => ({ jobId: _id, tenant }));
  }

  private records() {
    return this.store.collection<UploadDocument>('uploads');
  }
}

function folderOf(tenant: string, jobId: string): string {
  return `tenants/${tenant}/jobs/${jobId}/`;
}

function interrupted(cause: unknown): JobsError {
  return new JobsError('JOBS.UPLOAD_INTERRUPTED', 'expected the whole request body, it broke off', { cause });
}
