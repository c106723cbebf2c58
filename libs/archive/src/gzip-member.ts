import { promisify } from 'node:util';
import { crc32, gzip, inflateRaw, type InflateRaw, type ZlibOptions } from 'node:zlib';
import { ArchiveError } from './archive.errors.js';

const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
/** What zlib gives at a time: with all of it at once nothing is copied together. It takes no less than 64. */
const chunkFor = (bytes: number): number => bytes + 64;

const deflated = promisify<Uint8Array, ZlibOptions, Buffer>(gzip);

/** One gzip member (RFC 1952) of these bytes. The same bytes may give another member with another release of zlib. */
export const gzipMember = (bytes: Uint8Array): Promise<Buffer> =>
  deflated(bytes, { chunkSize: Math.min(chunkFor(bytes.length), 1024 * 1024) });

/** RFC 1952 §2.3.1: magic, deflate, and no optional fields, which nobody needs and everybody reads otherwise. */
export const isGzipHeader = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8 && bytes[3] === 0;

/**
 * What the one gzip member that `stored` is inflates to, at most `limit` bytes. Rejects with GZIP (no member, or a
 * damaged one), TRUNCATED, BOMB, GZIP_MEMBERS or TRAILING_BYTES. Node's own gunzip reads on into further members and
 * leaves out zeros behind them without a word (hostile-batch.spec.ts).
 */
export async function inflatedMember(stored: Uint8Array, limit: number): Promise<Buffer> {
  if (stored.length < HEADER_BYTES) throw truncated(stored.length);
  if (!isGzipHeader(stored)) throw new ArchiveError('ARCHIVE.GZIP', 'expected a gzip member without optional fields');
  const { bytes, consumed } = await inflated(stored.subarray(HEADER_BYTES), limit);
  const end = HEADER_BYTES + consumed + TRAILER_BYTES;
  if (stored.length < end) throw truncated(stored.length);
  const trailer = Buffer.from(stored.buffer, stored.byteOffset + end - TRAILER_BYTES, TRAILER_BYTES);
  if (trailer.readUInt32LE(0) !== crc32(bytes) || trailer.readUInt32LE(4) !== bytes.length % 2 ** 32) {
    throw new ArchiveError('ARCHIVE.GZIP', 'the CRC-32 or the size in the gzip trailer is another');
  }
  if (stored.length > end) throw surplus(stored.subarray(end));
  return bytes;
}

/** What `rest`, found behind a whole gzip member, is: a further member, or bytes of any other kind. */
export const surplus = (rest: Uint8Array): ArchiveError =>
  rest[0] === 0x1f && rest[1] === 0x8b
    ? new ArchiveError('ARCHIVE.GZIP_MEMBERS', 'expected one gzip member, found another behind it')
    : new ArchiveError('ARCHIVE.TRAILING_BYTES', 'expected nothing behind the batch, found further bytes');

function inflated(bytes: Uint8Array, limit: number): Promise<{ bytes: Buffer; consumed: number }> {
  return new Promise((resolve, reject) => {
    const options = { maxOutputLength: limit, chunkSize: chunkFor(limit), info: true };
    inflateRaw(bytes, options, (error, result) => {
      if (error) return reject(inflateError(error, limit));
      // With `info` it is both (node:zlib, Class: Options); bytesWritten is what the engine took of the input.
      const { buffer, engine } = result as unknown as { buffer: Buffer; engine: InflateRaw };
      resolve({ bytes: buffer, consumed: engine.bytesWritten });
    });
  });
}

function inflateError(cause: NodeJS.ErrnoException, limit: number): ArchiveError {
  if (cause.code === 'ERR_BUFFER_TOO_LARGE') {
    return new ArchiveError('ARCHIVE.BOMB', `expected at most ${limit} bytes when inflated, found more`, { cause });
  }
  if (cause.code === 'Z_BUF_ERROR') {
    return new ArchiveError('ARCHIVE.TRUNCATED', 'the gzip member ends before its deflate stream does', { cause });
  }
  return new ArchiveError('ARCHIVE.GZIP', 'the deflate stream is damaged', { cause });
}

const truncated = (found: number): ArchiveError =>
  new ArchiveError('ARCHIVE.TRUNCATED', `expected a whole gzip member, found the first ${found} bytes`);
