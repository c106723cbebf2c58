import { eventsOf, KEY, linesOf, macOf, manifestOf, SIGNING, TENANT } from './archive.fixture.js';
import { rotatedArchiveRing } from './archive-ring.js';
import { ArchiveError } from './archive.errors.js';
import type { ArchivedLines, ArchiveKeyRing } from './archive.types.js';
import { sha256Hex } from './hex-digest.js';
import { manifestText, parsedManifest, verifyManifest, verifyEnvelopeMac } from './manifest.js';
import { packedBatch } from './packed-batch.js';
import { unpackedBatch } from './unpacked-batch.js';

/** Of each byte of a manifest, which is long: all eight of them when asked. */
const BITS_A_BYTE = Number(process.env['MANIFEST_BITS'] ?? 1);
const entries = eventsOf(2);
const lines = linesOf(entries);
const range = { tenant: TENANT, startSeq: 0, endSeq: 1 };

async function objectOf(ring?: ArchiveKeyRing): Promise<{ stored: Buffer; jsonl: ArchivedLines }> {
  const packed = await packedBatch(lines, { encrypt: ring && { ring, ...range } });
  return { stored: packed.stored, jsonl: manifestOf(entries, packed).jsonl };
}

/** Every copy of `bytes` that differs in one bit, and which; of fewer bits a byte, another one in each byte. */
function* flipsOf(bytes: Buffer, bitsAByte: number): Generator<{ flipped: Buffer; bit: number }> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    if ((bit + (bit >> 3)) % 8 >= bitsAByte) continue;
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    yield { flipped, bit };
  }
}

async function codesOf(work: (flip: Buffer) => unknown, bytes: Buffer, bitsAByte = 8): Promise<Map<string, number[]>> {
  const codes = new Map<string, number[]>();
  for (const { flipped, bit } of flipsOf(bytes, bitsAByte)) {
    const code = await codeOf(() => work(flipped));
    const bits = codes.get(code);
    if (bits === undefined) codes.set(code, [bit]);
    else bits.push(bit);
  }
  return codes;
}

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return 'accepted';
  } catch (error) {
    if (error instanceof ArchiveError) return error.code;
    throw error;
  }
}

describe('every single bit flipped in a stored batch', () => {
  it('is told by the digest of the stored bytes', async () => {
    const { stored, jsonl } = await objectOf();
    const codes = await codesOf((flip) => unpackedBatch(flip, jsonl), stored);
    expect([...codes.keys()]).toEqual(['ARCHIVE.STORED_DIGEST']);
  });

  it('is told without it, but where a gzip member has bits that say nothing of the content', async () => {
    const { stored, jsonl } = await objectOf();
    const unpack = (flip: Buffer): unknown => unpackedBatch(flip, { ...jsonl, storedSha256: sha256Hex(flip) });
    const codes = await codesOf(unpack, stored);
    // MTIME, XFL and OS (RFC 1952 §2.3.1), and what fills up the last byte of the deflate stream (RFC 1951 §3.1.1).
    const [first, last] = [8 * 4, 8 * (stored.length - 8)];
    const silent = codes.get('accepted')!.filter((bit) => bit >= first + 48);
    expect(codes.get('accepted')!.slice(0, 48)).toEqual(Array.from({ length: 48 }, (_, i) => first + i));
    expect(silent).toEqual(Array.from({ length: silent.length }, (_, i) => last - silent.length + i));
    expect(silent.length).toBeLessThan(8);
    codes.delete('accepted');
    for (const code of codes.keys()) {
      expect(code).toMatch(/^ARCHIVE\.(GZIP|TRUNCATED|BOMB|CONTENT_DIGEST|TRAILING_BYTES)$/);
    }
  });

  it('is told by the tag where it is encrypted, as is one in its key or its place', async () => {
    const ring = rotatedArchiveRing();
    const { stored, jsonl } = await objectOf(ring);
    const unpack = (flip: Buffer): unknown => unpackedBatch(flip, { ...jsonl, storedSha256: sha256Hex(flip) }, ring);
    expect([...(await codesOf(unpack, stored)).keys()]).toEqual(['ARCHIVE.DECRYPT']);
    for (const part of ['wrappedKey', 'iv'] as const) {
      const withPart = (flip: Buffer): unknown => {
        const encryption = { ...jsonl.encryption!, [part]: flip.toString('base64') };
        return unpackedBatch(stored, { ...jsonl, encryption }, ring);
      };
      const codes = await codesOf(withPart, Buffer.from(jsonl.encryption![part], 'base64'));
      expect([part, ...codes.keys()]).toEqual([part, 'ARCHIVE.DECRYPT']);
    }
  });
});

describe('a bit flipped in any byte of a manifest', () => {
  it('is told by its form, its signature or its MAC, and by its digest alone', async () => {
    const text = manifestText(manifestOf(entries, await packedBatch(lines)), SIGNING);
    const { sha256 } = parsedManifest(text);
    const read = (flip: Buffer): void => {
      const parsed = parsedManifest(flip);
      if (parsed.sha256 === sha256) throw new Error('expected another digest');
      verifyManifest(parsed, [KEY]);
      verifyEnvelopeMac(parsed, macOf);
    };
    const codes = await codesOf(read, Buffer.from(text), BITS_A_BYTE);
    expect([...codes.keys()].sort()).toEqual([
      'ARCHIVE.MANIFEST_FORM',
      'ARCHIVE.MANIFEST_MAC',
      'ARCHIVE.MANIFEST_SIGNATURE',
    ]);
    const placesOf = (part: string): { from: number; to: number } => {
      const from = text.indexOf(part);
      return { from, to: from + part.length };
    };
    const parts = JSON.parse(text) as { mac: { sig: string }; payload: string; signatures: { sig: string }[] };
    const [macAt, sigAt, payloadAt] = [parts.mac.sig, parts.signatures[0]!.sig, parts.payload].map(placesOf);
    const within = (bits: number[], ...places: ({ from: number; to: number } | undefined)[]): boolean =>
      bits.every((bit) => places.some((place) => place && bit >> 3 >= place.from && bit >> 3 < place.to));
    expect(within(codes.get('ARCHIVE.MANIFEST_MAC')!, macAt)).toBe(true);
    expect(within(codes.get('ARCHIVE.MANIFEST_SIGNATURE')!, sigAt, payloadAt)).toBe(true);
  });
});
