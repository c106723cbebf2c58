import type { FileHandle } from 'node:fs/promises';

import type { MeasuredBody } from './measured-body.js';
import { ObjectStoreError } from './object-store.errors.js';
import type { PutOptions, StoredObject } from './object-store.types.js';

/**
 * One object in one file, so that bytes and description appear and vanish together: the body from byte 0, then the
 * description as JSON, then its length (uint32, big endian) and eight bytes of magic.
 */
const MAGIC = 'ASSAYOB1';
const TAIL = 4 + MAGIC.length;
const MAX_DESCRIPTION = 4096;

/** Writes body and description, synced. The body's checks fail before the description is written. */
export async function writeObjectFile(
  file: FileHandle,
  key: string,
  content: MeasuredBody,
  options: PutOptions,
): Promise<StoredObject> {
  for await (const chunk of content) await file.appendFile(chunk);
  content.assertAsAnnounced(key);
  const storedAt = new Date();
  const { contentType } = options;
  const written = { key, bytes: content.bytes, sha256: content.sha256, ...(contentType && { contentType }) };
  const description = Buffer.from(JSON.stringify({ ...written, storedAt: storedAt.toISOString() }));
  const tail = Buffer.alloc(TAIL);
  tail.writeUInt32BE(description.length);
  tail.write(MAGIC, 4, 'latin1');
  await file.appendFile(Buffer.concat([description, tail]));
  await file.datasync();
  return { ...written, storedAt, legalHold: false };
}

/** The description of the object in the file, or OBJECT_STORE.CORRUPT. */
export async function readDescription(file: FileHandle, key: string): Promise<StoredObject> {
  const { size } = await file.stat();
  const end = Buffer.alloc(Math.min(size, MAX_DESCRIPTION + TAIL));
  await file.read(end, 0, end.length, size - end.length);
  const length = end.length > TAIL ? end.readUInt32BE(end.length - TAIL) : 0;
  const found = descriptionIn(end.subarray(Math.max(0, end.length - TAIL - length), end.length - TAIL));
  const magic = end.toString('latin1', end.length - MAGIC.length);
  if (magic !== MAGIC || found?.key !== key || found.bytes + length + TAIL !== size) {
    throw new ObjectStoreError('OBJECT_STORE.CORRUPT', `the file of ${key} does not end in its description`);
  }
  return { ...found, storedAt: new Date(found.storedAt), legalHold: false };
}

interface Description {
  key: string;
  bytes: number;
  sha256: string;
  storedAt: string;
  contentType?: string;
}

function descriptionIn(json: Buffer): Description | undefined {
  try {
    return JSON.parse(json.toString()) as Description;
  } catch {
    return undefined;
  }
}
