import { genesisHash, hexOf, preparedEntry, entryAt, parseEvent } from '#libs/ledger';
import { Readable } from 'node:stream';
import { ARCHIVED_AT, eventsOf, KEY, linesOf, macOf, manifestOf, ORIGIN, SIGNING, TENANT } from './archive.fixture.js';
import { archivedEntries } from './archived-entries.js';
import { parsedArchiveRing, archiveRingText, rotatedArchiveRing } from './archive-ring.js';
import { batchKeys, rangeOfKey } from './batch-keys.js';
import { linesOfBatch } from './batch-lines.js';
import { manifestText, parsedManifest, verifyManifest, verifyEnvelopeMac } from './manifest.js';
import { packedBatch } from './packed-batch.js';
import { storedBytesFault } from './stored-bytes.js';
import { unpackedBatch } from './unpacked-batch.js';

const entries = eventsOf(256);
const lines = linesOf(entries);
const range = { tenant: TENANT, startSeq: 0, endSeq: 255 };

describe('a batch', () => {
  it.each([
    ['in the open', undefined],
    ['encrypted', rotatedArchiveRing(rotatedArchiveRing())],
  ])('%s goes out and comes back, from bytes and from a stream', async (_, ring) => {
    const { stored, ...packed } = await packedBatch(lines, { encrypt: ring && { ring, ...range } });
    const { manifest } = parsedManifest(manifestText(manifestOf(entries, { stored, ...packed }), SIGNING));
    expect((await unpackedBatch(stored, manifest.jsonl, ring)).equals(lines)).toBe(true);
    const chunks = [stored.subarray(0, 10), stored.subarray(10)];
    expect((await unpackedBatch(Readable.from(chunks), manifest.jsonl, ring)).equals(lines)).toBe(true);
    expect(await storedBytesFault(stored, manifest.jsonl)).toBeUndefined();
  });

  it('gives the documents that the hot store held', () => {
    let previous = genesisHash(ORIGIN);
    const hot = entries.map((bytes, seq) => {
      const entry = entryAt(TENANT, seq, previous, preparedEntry(parseEvent(bytes), bytes));
      previous = entry.chain_hash;
      return entry;
    });
    const chain = { tenant: TENANT, startSeq: 0, previousChainHash: hexOf(genesisHash(ORIGIN)) };
    expect([...archivedEntries(lines, chain)].map(({ entry }) => ({ ...entry, bytes: hexOf(entry.bytes) }))).toEqual(
      hot.map((entry) => ({ ...entry, bytes: hexOf(entry.bytes) })),
    );
    expect(linesOfBatch(lines).map(hexOf)).toEqual(entries.map(hexOf));
  });
});

describe('a manifest', () => {
  it('says what it said, to whoever has the public key, and to whoever has the other', async () => {
    const manifest = manifestOf(entries, await packedBatch(lines));
    const parsed = parsedManifest(manifestText(manifest, SIGNING));
    expect(parsed.manifest).toEqual(manifest);
    expect(verifyManifest(parsed, [KEY])).toEqual([SIGNING.signer.keyId]);
    expect(() => verifyEnvelopeMac(parsed, macOf)).not.toThrow();
  });
});

describe('batchKeys', () => {
  it('names the day, the range and the first 16 digits of the digest', () => {
    const keys = batchKeys({ ...range, archivedAt: new Date(ARCHIVED_AT), sha256: 'ab'.repeat(32) });
    expect(keys).toEqual({
      jsonlKey: 'tenants/acme/ledger/archive/2026/11/21/0-255-abababababababab.jsonl.gz',
      manifestKey: 'tenants/acme/ledger/archive/2026/11/21/0-255-abababababababab.manifest.json',
    });
    expect(rangeOfKey(keys.jsonlKey)).toEqual(range);
  });
});

describe('the ring of archive keys', () => {
  it('is the same after its file, and keeps the older keys', () => {
    const first = rotatedArchiveRing();
    const ring = parsedArchiveRing(archiveRingText(rotatedArchiveRing(first)));
    expect(ring.ids).toHaveLength(2);
    expect(ring.current).toBe(ring.ids[1]);
    expect(ring.key(first.current!)).toEqual(first.key(first.current!));
  });
});
