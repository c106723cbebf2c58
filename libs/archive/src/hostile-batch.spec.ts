import fc from 'fast-check';
import { hexOf } from '#libs/ledger';
import { Readable } from 'node:stream';
import { constants, deflateRawSync, gunzipSync, gzipSync } from 'node:zlib';
import { codeThrownBy, eventBytes, eventsOf, linesOf, manifestOf, TENANT } from './archive.fixture.js';
import { rotatedArchiveRing } from './archive-ring.js';
import type { ArchivedLines, ArchiveManifest, PackedBatch } from './archive.types.js';
import { archivedEntries } from './archived-entries.js';
import { rangeOfKey } from './batch-keys.js';
import { batchLines, linesOfBatch } from './batch-lines.js';
import { sha256Hex } from './hex-digest.js';
import { packedBatch } from './packed-batch.js';
import { storedBytesFault } from './stored-bytes.js';
import { unpackedBatch } from './unpacked-batch.js';

const entries = eventsOf(3);
const lines = linesOf(entries);
const range = { tenant: TENANT, startSeq: 0, endSeq: 2 };
const newline = Buffer.from('\n');

let packed: PackedBatch;
let manifest: ArchiveManifest;
beforeAll(async () => {
  packed = await packedBatch(lines);
  manifest = manifestOf(entries, packed);
});

/** What the manifest would say if it had been written over these bytes. */
const saying = (stored: Buffer, jsonl: Partial<ArchivedLines> = {}): ArchivedLines => ({
  ...manifest.jsonl,
  storedBytes: stored.length,
  storedSha256: sha256Hex(stored),
  ...jsonl,
});

/** Zeros of so many MiB in about as many KiB, without making them: flushed blocks that each stand for themselves. */
function bombOf(mebibytes: number): Buffer {
  const block = deflateRawSync(Buffer.alloc(1024 * 1024), { finishFlush: constants.Z_FULL_FLUSH });
  const [head, last] = [packed.stored.subarray(0, 10), Buffer.from('0300', 'hex')];
  return Buffer.concat([head, ...Array.from({ length: mebibytes }, () => block), last, Buffer.alloc(8)]);
}

describe('an object that is not the one of the manifest', () => {
  const member = gzipSync('more');
  it.each([
    ['STORED_DIGEST', 'other bytes of the same length', (at: Buffer) => Buffer.alloc(at.length, 1)],
    ['STORED_DIGEST', 'another whole member', () => gzipSync('x')],
    ['STORED_DIGEST', 'longer and other bytes', (at: Buffer) => Buffer.alloc(at.length + 9, 1)],
    ['STORED_DIGEST', 'a shorter text', () => Buffer.from('{"no": "gzip"}')],
    ['TRUNCATED', 'its first half', (at: Buffer) => at.subarray(0, at.length / 2)],
    ['TRUNCATED', 'all but its last byte', (at: Buffer) => at.subarray(0, -1)],
    ['TRUNCATED', 'nothing', () => Buffer.alloc(0)],
    ['GZIP_MEMBERS', 'a member behind it', (at: Buffer) => Buffer.concat([at, member])],
    ['TRAILING_BYTES', 'a byte behind it', (at: Buffer) => Buffer.concat([at, newline])],
    ['TRAILING_BYTES', 'zeros behind it', (at: Buffer) => Buffer.concat([at, Buffer.alloc(512)])],
    ['BOMB', 'a bomb', () => bombOf(64)],
  ])('is ARCHIVE.%s when it is %s', async (code, _, hostile) => {
    const stored = hostile(packed.stored);
    expect(await codeThrownBy(() => unpackedBatch(stored, manifest.jsonl))).toBe(`ARCHIVE.${code}`);
    const chunks = Readable.from([stored.subarray(0, 7), stored.subarray(7)].filter(({ length }) => length > 0));
    expect(await storedBytesFault(chunks, manifest.jsonl)).toMatchObject({ code: `ARCHIVE.${code}` });
  });

  it('is never read far beyond what the manifest says', async () => {
    let given = 0;
    const long = Readable.from(
      (function* () {
        while (given < 2 ** 20) yield Buffer.alloc(64, (given += 64));
      })(),
    );
    expect(await codeThrownBy(() => unpackedBatch(long, manifest.jsonl))).toBe('ARCHIVE.STORED_DIGEST');
    expect(given).toBeLessThan(manifest.jsonl.storedBytes + 64 * 32);
  });

  it('leaves the failure of a stream to whoever opened it', async () => {
    const failing = Readable.from(
      (function* () {
        yield packed.stored.subarray(0, 5);
        throw new Error('connection lost');
      })(),
    );
    await expect(unpackedBatch(failing, manifest.jsonl)).rejects.toThrow('connection lost');
  });
});

describe('an object over which the manifest was written', () => {
  it.each([
    ['GZIP', 'no gzip', () => lines],
    ['GZIP', 'a member with a file name', (at: Buffer) => withFlags(at, 8)],
    ['GZIP', 'a damaged deflate stream', (at: Buffer) => changed(at, 10, 0x07)],
    ['GZIP', 'a CRC of other bytes', (at: Buffer) => changed(at, at.length - 8, at.at(-8)! ^ 1)],
    ['GZIP', 'a size of other bytes', (at: Buffer) => changed(at, at.length - 1, 1)],
    ['TRUNCATED', 'a member without its trailer', (at: Buffer) => at.subarray(0, -8)],
    ['TRUNCATED', 'half a member', (at: Buffer) => at.subarray(0, at.length / 2)],
    [
      'GZIP_MEMBERS',
      'two members',
      () => Buffer.concat([gzipSync(lines.subarray(0, 99)), gzipSync(lines.subarray(99))]),
    ],
    ['TRAILING_BYTES', 'a member and a byte', (at: Buffer) => Buffer.concat([at, newline])],
    ['BOMB', 'ten gigabytes of zeros', () => bombOf(10_240)],
    ['BOMB', 'one byte more than it says', () => gzipSync(Buffer.concat([lines, newline]))],
    ['CONTENT_DIGEST', 'other lines', () => gzipSync(lines.toString().replace('"step":1', '"step":7'))],
    ['CONTENT_DIGEST', 'fewer lines', () => gzipSync(lines.subarray(0, 99))],
  ])('is ARCHIVE.%s when it is %s', async (code, _, hostile) => {
    const stored = hostile(packed.stored);
    const before = process.resourceUsage().maxRSS;
    expect(await codeThrownBy(() => unpackedBatch(stored, saying(stored)))).toBe(`ARCHIVE.${code}`);
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(256 * 1024);
  });

  it('is what stock gunzip reads without a word where it is two members, or has zeros behind it', () => {
    const two = Buffer.concat([gzipSync('a'), gzipSync('b')]);
    expect(gunzipSync(two).toString()).toBe('ab');
    expect(gunzipSync(Buffer.concat([gzipSync('a'), Buffer.alloc(9)])).toString()).toBe('a');
  });

  const withFlags = (at: Buffer, flags: number): Buffer => changed(at, 3, flags);
  function changed(at: Buffer, place: number, byte: number): Buffer {
    const copy = Buffer.from(at);
    copy[place] = byte;
    return copy;
  }
});

describe('an encrypted object', () => {
  const ring = rotatedArchiveRing();
  const other = rotatedArchiveRing();
  let jsonl: ArchivedLines;
  let stored: Buffer;
  beforeAll(async () => {
    const encrypted = await packedBatch(lines, { encrypt: { ring, ...range } });
    stored = encrypted.stored;
    jsonl = manifestOf(entries, encrypted).jsonl;
  });

  it('shows nothing of the lines, and is the same object when it is made again', async () => {
    expect(() => gunzipSync(stored)).toThrow('incorrect header check');
    expect((await packedBatch(lines, { encrypt: { ring, ...range } })).stored.equals(stored)).toBe(true);
  });

  it('has a data key and IVs that no other batch, ring or range has', async () => {
    const made = await Promise.all([
      packedBatch(lines, { encrypt: { ring, ...range } }),
      packedBatch(linesOf(eventsOf(2)), { encrypt: { ring, ...range } }),
      packedBatch(lines, { encrypt: { ring, ...range, startSeq: 256, endSeq: 258 } }),
      packedBatch(lines, { encrypt: { ring, ...range, tenant: 'beta' } }),
      packedBatch(lines, { encrypt: { ring: rotatedArchiveRing(ring), ...range } }),
    ]);
    expect(new Set(made.map(({ encryption }) => encryption!.iv)).size).toBe(made.length);
    expect(new Set(made.map(({ encryption }) => encryption!.wrappedKey)).size).toBe(made.length);
  });

  it('is known without a key by its digest, and told apart from others', async () => {
    expect(await storedBytesFault(stored, jsonl)).toBeUndefined();
    const faults = [Buffer.alloc(stored.length), stored.subarray(1), Buffer.concat([stored, newline])];
    const found = await Promise.all(faults.map((bytes) => storedBytesFault(bytes, jsonl)));
    expect(found.map((fault) => fault?.code)).toEqual([
      'ARCHIVE.STORED_DIGEST',
      'ARCHIVE.TRUNCATED',
      'ARCHIVE.TRAILING_BYTES',
    ]);
  });

  it.each([
    ['KEY_MISSING', 'no ring', () => unpackedBatch(stored, jsonl)],
    ['KEY_MISSING', 'another ring', () => unpackedBatch(stored, jsonl, other)],
    [
      'DECRYPT',
      'another key of that id',
      () => unpackedBatch(stored, jsonl, { ...ring, key: () => other.key(other.current!) }),
    ],
    ['DECRYPT', 'another range', () => unpackedBatch(stored, movedTo('tenants/acme/', 'tenants/acme2/'), ring)],
    ['DECRYPT', 'another tenant', () => unpackedBatch(stored, movedTo('/0-2-', '/256-258-'), ring)],
    ['DECRYPT', 'other lines’ digest', () => unpackedBatch(stored, { ...jsonl, sha256: 'ab'.repeat(32) }, ring)],
    [
      'MANIFEST_FORM',
      'a key that is none of a batch',
      () => unpackedBatch(stored, { ...jsonl, key: 'elsewhere' }, ring),
    ],
    [
      'DECRYPT',
      'less than a tag',
      () => unpackedBatch(newline, { ...jsonl, ...saying(newline), ...withEncryption() }, ring),
    ],
  ])('is ARCHIVE.%s with %s', async (code, _, unpack) => {
    expect(await codeThrownBy(unpack)).toBe(`ARCHIVE.${code}`);
  });

  it('cannot be made with a ring that has no current key', async () => {
    const empty = { current: undefined, ids: [], key: () => undefined };
    expect(await codeThrownBy(() => packedBatch(lines, { encrypt: { ring: empty, ...range } }))).toBe(
      'ARCHIVE.KEY_MISSING',
    );
  });

  const movedTo = (from: string, to: string): ArchivedLines => ({ ...jsonl, key: jsonl.key.replace(from, to) });
  const withEncryption = (): Pick<ArchivedLines, 'encryption'> => ({ encryption: jsonl.encryption! });
});

describe('lines', () => {
  it.each([
    ['an empty line', () => Buffer.concat([lines, newline])],
    ['a last line that does not end', () => lines.subarray(0, -1)],
  ])('are ARCHIVE.LINE_FORM with %s', async (_, hostile) => {
    expect(await codeThrownBy(() => linesOfBatch(hostile()))).toBe('ARCHIVE.LINE_FORM');
  });

  it.each([
    ['LINE_FORM', 'no event', () => Buffer.from('{}\n')],
    [
      'LINE_FORM',
      'an event that is not in its canonical form',
      () => Buffer.from(`${hexText(eventBytes(0)).replace(',', ', ')}\n`),
    ],
    ['LINE_TENANT', 'an event of another tenant', () => linesOf([eventBytes(0, 'beta')])],
  ])('are ARCHIVE.%s with %s', async (code, _, hostile) => {
    expect(await codeThrownBy(() => [...archivedEntries(hostile(), manifest)])).toBe(`ARCHIVE.${code}`);
  });

  it('are refused with MANIFEST_FORM after a chain hash that is none', async () => {
    expect(await codeThrownBy(() => [...archivedEntries(lines, { ...manifest, previousChainHash: 'ab' })])).toBe(
      'ARCHIVE.MANIFEST_FORM',
    );
  });

  it('come back as they were, whatever their bytes but for a newline', () => {
    const line = fc
      .uint8Array({ minLength: 1, maxLength: 40 })
      .map((bytes) => bytes.map((byte) => (byte === 10 ? 11 : byte)));
    fc.assert(
      fc.property(fc.array(line), (written) => {
        expect(linesOfBatch(batchLines(written)).map(hexOf)).toEqual(written.map(hexOf));
      }),
    );
    expect(() => batchLines([Buffer.from('a\nb')])).toThrow(
      expect.objectContaining({ code: 'ARCHIVE.LINE_FORM' }) as Error,
    );
    expect(() => batchLines([Buffer.alloc(0)])).toThrow(
      expect.objectContaining({ code: 'ARCHIVE.LINE_FORM' }) as Error,
    );
  });

  it('come back from any packed batch, and from no part of it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 3_000 }), fc.nat(), async (bytes, cut) => {
        const { stored, ...jsonl } = { ...manifest.jsonl, ...(await packedBatch(bytes)) };
        expect(Buffer.compare(await unpackedBatch(stored, jsonl), bytes)).toBe(0);
        const part = stored.subarray(0, cut % stored.length);
        expect(await codeThrownBy(() => unpackedBatch(part, jsonl))).toBe('ARCHIVE.TRUNCATED');
        expect(
          await codeThrownBy(() => unpackedBatch(part, { ...jsonl, ...saying(part, { bytes: bytes.length }) })),
        ).toBe('ARCHIVE.TRUNCATED');
      }),
      { numRuns: 50 },
    );
  });

  const hexText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
});

describe('rangeOfKey', () => {
  it.each([
    '',
    'tenants/ACME/ledger/archive/2026/11/21/0-1-0123456789abcdef.jsonl.gz',
    'tenants/a/ledger/archive/2026/11/21/00-1-0123456789abcdef.jsonl.gz',
  ])('refuses %j', (key) => {
    expect(() => rangeOfKey(key)).toThrow(expect.objectContaining({ code: 'ARCHIVE.MANIFEST_FORM' }) as Error);
  });
});
