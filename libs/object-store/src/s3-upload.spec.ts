import fc from 'fast-check';

import { partBytesFor, partsOf } from './s3-upload.js';

async function* chunked(chunks: Uint8Array[]) {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

describe('partsOf', () => {
  it('gives the same bytes in parts of the size, only the last shorter', async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: 1, max: 32 }), async (body, size) => {
        const parts = [];
        for await (const part of partsOf(chunked(body), size)) parts.push(part);
        const whole = Buffer.concat(body);
        expect(Buffer.concat(parts.map(({ data }) => data)).equals(whole)).toBe(true);
        expect(parts.map(({ last }) => last)).toEqual(parts.map((_, index) => index === parts.length - 1));
        expect(parts.slice(0, -1).every(({ data }) => data.length === size)).toBe(true);
        expect(parts).toHaveLength(Math.max(1, Math.ceil(whole.length / size)));
      }),
    );
  });
});

describe('partBytesFor', () => {
  // S3's limits: 10,000 parts, each of at least 5 MiB but the last, objects of at most 5 TiB.
  it.each([undefined, 1, 80 * 2 ** 30, 5 * 2 ** 40])('keeps %s bytes within the limits of S3', (bytes) => {
    expect(partBytesFor(bytes)).toBeGreaterThanOrEqual(5 * 2 ** 20);
    expect((bytes ?? 0) / partBytesFor(bytes)).toBeLessThanOrEqual(10_000);
  });
});
