import type { Readable } from 'node:stream';
import { ArchiveError } from './archive.errors.js';
import type { ArchivedLines } from './archive.types.js';
import { inflatedMember, isGzipHeader, surplus } from './gzip-member.js';
import { sha256Hex } from './hex-digest.js';

type Stored = Readable | Uint8Array;

/** The first bytes of what lies behind a batch tell what it is. */
const LOOK_BEYOND = 2;

/**
 * What is wrong with an object that should be these lines, told without any key; undefined when its length and SHA-256
 * are the manifest's. STORED_DIGEST, or where the length is another one, why: TRUNCATED, GZIP_MEMBERS, TRAILING_BYTES or
 * BOMB. Reads no more of a stream than the manifest says, and two bytes.
 */
export async function storedBytesFault(stored: Stored, jsonl: ArchivedLines): Promise<ArchiveError | undefined> {
  return faultOf(await boundedBytes(stored, jsonl.storedBytes + LOOK_BEYOND), jsonl);
}

/** The bytes, once they are known to be those of the manifest. Rejects as `storedBytesFault` tells. */
export async function knownBytes(stored: Stored, jsonl: ArchivedLines): Promise<Uint8Array> {
  const bytes = await boundedBytes(stored, jsonl.storedBytes + LOOK_BEYOND);
  const fault = await faultOf(bytes, jsonl);
  if (fault !== undefined) throw fault;
  return bytes;
}

async function faultOf(bytes: Uint8Array, jsonl: ArchivedLines): Promise<ArchiveError | undefined> {
  const { storedBytes, storedSha256 } = jsonl;
  if (bytes.length !== storedBytes) return otherLength(bytes, jsonl);
  const found = sha256Hex(bytes);
  return found === storedSha256 ? undefined : otherBytes(`SHA-256 ${storedSha256}`, found);
}

/** For the report only: refused it is already. */
async function otherLength(bytes: Uint8Array, jsonl: ArchivedLines): Promise<ArchiveError> {
  const { storedBytes, storedSha256 } = jsonl;
  const whole = bytes.length > storedBytes && sha256Hex(bytes.subarray(0, storedBytes)) === storedSha256;
  if (whole) return surplus(bytes.subarray(storedBytes));
  const length = otherBytes(`${storedBytes} bytes`, bytes.length > storedBytes ? 'more' : `${bytes.length}`);
  if (jsonl.encryption !== undefined) return bytes.length < storedBytes ? truncated(bytes.length, jsonl) : length;
  const form = await inflatedMember(bytes, jsonl.bytes).catch((error: unknown) => error);
  if (!(form instanceof ArchiveError)) return length;
  if (form.code === 'ARCHIVE.BOMB') return form;
  const cut = form.code === 'ARCHIVE.TRUNCATED' && bytes.length < storedBytes;
  return cut && (bytes.length < 4 || isGzipHeader(bytes)) ? truncated(bytes.length, jsonl) : length;
}

/** At most `limit` bytes; a stream is given up there. */
async function boundedBytes(stored: Stored, limit: number): Promise<Uint8Array> {
  if (stored instanceof Uint8Array) return stored.subarray(0, limit);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stored as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

const otherBytes = (expected: string, found: string): ArchiveError =>
  new ArchiveError('ARCHIVE.STORED_DIGEST', `expected an object of ${expected}, found ${found}`);

const truncated = (found: number, { storedBytes }: ArchivedLines): ArchiveError =>
  new ArchiveError('ARCHIVE.TRUNCATED', `expected an object of ${storedBytes} bytes, found its first ${found}`);
