import { createPrivateKey, randomBytes, sign } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  archiveRingText,
  batchLines,
  linesOfBatch,
  parsedManifest,
  rotatedArchiveRing,
  sha256Hex,
  type ArchiveKeyRing,
} from '#libs/archive';
import { chainHash, entryOf, hexOf, leafHash, LedgerVerifier, parseEvent, type StoredEntry } from '#libs/ledger';
import { ArchiveRun } from '../../apps/server/src/audit/archive/archive-run.js';
import { ArchivedEntries } from '../../apps/server/src/audit/tiers/archived-entries.js';
import { tombstoneKey } from '../../apps/server/src/audit/retention/tombstone.js';
import { externalUri, startRoom, TENANT, type AuditRoom } from '../../apps/server/src/audit/audit-room.fixture.js';
import { BatchRetiring } from '../../apps/server/src/audit/retention/batch-retiring.js';
import { ColdCopier } from '../../apps/server/src/audit/cold/cold-copier.js';
import { ColdStores } from '../../apps/server/src/audit/cold/cold-stores.js';
import type { ArchiveBatch } from '../../apps/server/src/audit/domain/archive-batch.types.js';
import { writeLongLedger } from '../../apps/server/src/audit/long-ledger.fixture.js';
import { ArchiveBatches } from '../../apps/server/src/audit/storage/archive-batches.store.js';
import {
  VerificationEngine,
  type RunOptions,
  type RunState,
} from '../../apps/server/src/audit/verification/verification-engine.js';
import { ArchiveVerification } from '../../apps/server/src/audit/verification/archive-verification.js';
import {
  archivedLedger,
  type ArchivedLedger,
} from '../../apps/server/src/audit/verification/archived-ledger.fixture.js';
import { forge } from '../../apps/server/src/audit/verification/forged-batch.fixture.js';
import type { LedgerVerdict } from '../../apps/server/src/audit/verification/verification.types.js';

const SIGNAL = new AbortController().signal;
const BATCH = 256;
const ARCHIVED = 3 * BATCH;

type Told = [kind: string, code: string | undefined, from: number | undefined, to: number | undefined];
type Attack = (records: ArchiveBatch[]) => Promise<unknown>;

const flipped = (bytes: Buffer, at = bytes.length >> 1): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1;
  return copy;
};

/** Whoever administers the store of the archive, or the database with its records, or both, against a running room. */
describe('the archive under attack', () => {
  let ledger: ArchivedLedger;
  let undo: () => Promise<void>;
  beforeAll(async () => {
    ledger = await archivedLedger({ ready: 3 });
    undo = await ledger.kept();
  });
  afterAll(() => ledger.room.remove());
  afterEach(() => undo());

  const told = ({ breaks }: LedgerVerdict): Told[] =>
    breaks.map(({ class: kind, code, seq, from = seq, to = seq }) => [kind, code, from, to]);

  async function after(attack: Attack): Promise<LedgerVerdict> {
    await attack(await ledger.records());
    return ledger.room.verify();
  }

  const setOf =
    (n: number, change: Partial<Record<keyof ArchiveBatch, unknown>>): Attack =>
    (records) =>
      ledger.batches.collection.updateOne({ _id: records[n]!._id }, { $set: change as Partial<ArchiveBatch> });
  const objectOf =
    (part: 'jsonlKey' | 'manifestKey', change: (bytes: Buffer) => Buffer): Attack =>
    async (records) => {
      const key = records[1]![part];
      await ledger.put(key, change(await ledger.get(key)));
    };

  /** One of the files that the store keeps, by parts of its name. */
  async function damage(...parts: string[]): Promise<void> {
    const files = await readdir(join(ledger.room.dataDir, 'cold'), { recursive: true, withFileTypes: true });
    const file = files.find(({ name }) => parts.every((part) => name.includes(part)))!;
    const path = join(file.parentPath, file.name);
    await writeFile(path, flipped(await readFile(path)));
  }

  it('is verified where it lies: nothing is unpacked into the database', async () => {
    const before = await ledger.room.entries.countDocuments({ tenant: TENANT });
    const verdict = await ledger.room.verify();
    expect(verdict).toMatchObject({
      tier: 'consistent',
      breaks: [],
      oldestHotSeq: ARCHIVED,
      highestArchivedSeq: ARCHIVED - 1,
      batches: { expected: 3, read: 3, verified: 3 },
      tiles: { compared: 3, agreed: 3 },
    });
    const { expected, found, verified } = verdict.entries;
    expect([found, verified]).toEqual([expected, expected]);
    expect(expected - ARCHIVED).toBeGreaterThan(60);
    expect((await ledger.room.entries.countDocuments({ tenant: TENANT })) - before).toBeLessThan(2); // its own event
  });

  const lost = (code: string, kind = 'archive_altered'): Told[] => [[kind, code, 256, 511]];

  it.each<[string, Attack, Told[]]>([
    ['a byte of the lines is flipped', objectOf('jsonlKey', flipped), lost('ARCHIVE.STORED_DIGEST')],
    ['they are cut', objectOf('jsonlKey', (b) => b.subarray(0, -9)), lost('ARCHIVE.TRUNCATED')],
    [
      'a second gzip member follows',
      objectOf('jsonlKey', (b) => Buffer.concat([b, gzipSync('{}\n')])),
      lost('ARCHIVE.GZIP_MEMBERS'),
    ],
    [
      'bytes trail',
      objectOf('jsonlKey', (b) => Buffer.concat([b, Buffer.from('more')])),
      lost('ARCHIVE.TRAILING_BYTES'),
    ],
    ['they are a bomb', objectOf('jsonlKey', () => gzipSync(Buffer.alloc(64 * 1024 * 1024))), lost('ARCHIVE.BOMB')],
    ['they are missing', ([, b]) => ledger.cold.delete(b!.jsonlKey), lost('ARCHIVE.OBJECT_MISSING', 'archive_missing')],
    [
      'they are moved',
      async ([, b]) => {
        const bytes = await ledger.get(b!.jsonlKey);
        await ledger.cold.delete(b!.jsonlKey);
        await ledger.put(b!.jsonlKey.replace(/\d{4}\/\d\d\/\d\d/, '1999/01/01'), bytes);
      },
      lost('ARCHIVE.OBJECT_MOVED', 'archive_missing'),
    ],
    [
      'they are swapped with those of another batch',
      async ([a, b]) => {
        const [one, other] = [await ledger.get(a!.jsonlKey), await ledger.get(b!.jsonlKey)];
        await ledger.put(a!.jsonlKey, other);
        await ledger.put(b!.jsonlKey, one);
      },
      [
        ['archive_altered', 'ARCHIVE.OBJECT_SWAPPED', 0, 255],
        ['archive_altered', 'ARCHIVE.OBJECT_SWAPPED', 256, 511],
      ],
    ],
    [
      'they are reordered under a manifest that our own key has signed',
      async ([, b]) => forge(ledger, b!, { lines: reordered(await ledger.get(b!.jsonlKey)) }),
      lost('ARCHIVE.LINE_ORDER'),
    ],
    [
      'what our own key has signed is no gzip member',
      ([, b]) => forge(ledger, b!, { stored: Buffer.from('no gzip member') }),
      lost('ARCHIVE.GZIP'),
    ],
    [
      'the record says that it has retired, and nothing was signed',
      setOf(1, { state: 'retired' }),
      lost('ARCHIVE.TOMBSTONE_MISSING', 'archive_missing'),
    ],
    [
      'the record has no digest at all',
      setOf(1, { storedSha256: 7 }),
      lost('ARCHIVE.RECORD_CHANGED', 'manifest_changed'),
    ],
  ])('names it when %s, and verifies the rest by the leaf tiles', async (_what, attack, expected) => {
    const verdict = await after(attack);
    // A manifest that was signed anew is not the one that the next batch is linked to.
    expect(told(verdict).filter(([, code]) => code !== 'ARCHIVE.MANIFEST_LINK')).toEqual(expected);
    expect(verdict.tier).toBe('broken');
    const { checkpoints, entries } = verdict;
    expect(checkpoints.matched).toBe(checkpoints.checked);
    expect(entries.found).toBe(entries.expected - expected.length * BATCH);
    expect(entries.verified).toBe(entries.found);
    for (const { reason, code } of verdict.breaks) {
      if (code !== 'ARCHIVE.MANIFEST_LINK') expect(reason).toContain('under a signed root, still prove');
    }
  });

  it.each([
    ['more than can be inflated', Number.MAX_SAFE_INTEGER],
    ['a bomb’s', 64 * 1024 * 1024],
  ])('reads nothing by a record whose size is %s and whose manifest is gone', async (_what, bytesUncompressed) => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const says = { bytesUncompressed, bytesStored: bomb.length, storedSha256: sha256Hex(bomb) };
    const verdict = await after(async (records) => {
      await ledger.cold.delete(records[1]!.manifestKey);
      await ledger.put(records[1]!.jsonlKey, bomb);
      await setOf(1, says)(records);
    });
    expect(told(verdict)).toEqual(lost('ARCHIVE.RECORD_CHANGED', 'manifest_changed'));
    expect(verdict.breaks[0]?.field).toBe('bytesUncompressed');
  });

  const manifest = (code: string, from = 256, kind = 'manifest_changed'): Told => [kind, code, from, from + 255];

  it.each<[string, Attack, Told[]]>([
    ['a byte of a manifest is flipped', objectOf('manifestKey', flipped), [manifest('ARCHIVE.MANIFEST_DIGEST')]],
    [
      'a manifest has bytes more',
      objectOf('manifestKey', (b) => Buffer.concat([b, Buffer.from('\n')])),
      [manifest('ARCHIVE.MANIFEST_DIGEST')],
    ],
    [
      'its digest in the record is changed',
      setOf(1, { manifestSha256: '0'.repeat(64) }),
      [manifest('ARCHIVE.MANIFEST_DIGEST')],
    ],
    [
      'manifests are swapped',
      async ([a, b]) => {
        const [one, other] = [await ledger.get(a!.manifestKey), await ledger.get(b!.manifestKey)];
        await ledger.put(a!.manifestKey, other);
        await ledger.put(b!.manifestKey, one);
      },
      [manifest('ARCHIVE.MANIFEST_OTHER', 0), manifest('ARCHIVE.MANIFEST_OTHER')],
    ],
    [
      'the newest manifest is deleted',
      ([, , c]) => ledger.cold.delete(c!.manifestKey),
      [manifest('ARCHIVE.MANIFEST_MISSING', 512, 'archive_missing')],
    ],
    [
      'a run of manifests is deleted',
      async ([a, b]) => {
        await ledger.cold.delete(a!.manifestKey);
        await ledger.cold.delete(b!.manifestKey);
      },
      [
        manifest('ARCHIVE.MANIFEST_MISSING', 0, 'archive_missing'),
        manifest('ARCHIVE.MANIFEST_MISSING', 256, 'archive_missing'),
      ],
    ],
    [
      'a record is deleted',
      ([, b]) => ledger.batches.collection.deleteOne({ _id: b!._id }),
      [manifest('ARCHIVE.RECORD_MISSING', 256, 'archive_missing')],
    ],
    [
      'all records are deleted',
      () => ledger.batches.collection.deleteMany({}),
      [0, 256, 512].map((from) => manifest('ARCHIVE.RECORD_MISSING', from, 'archive_missing')),
    ],
    [
      'a record has another digest of the lines',
      setOf(1, { sha256: '1'.repeat(64) }),
      [manifest('ARCHIVE.RECORD_CHANGED')],
    ],
    ['a record has another end', setOf(1, { endSeq: 300 }), [manifest('ARCHIVE.RECORD_CHANGED')]],
    ['a record claims hot entries too', setOf(2, { endSeq: 800 }), [manifest('ARCHIVE.RECORD_CHANGED', 512)]],
    [
      'a record claims all seqs that there can be',
      setOf(2, { endSeq: Number.MAX_SAFE_INTEGER }),
      [manifest('ARCHIVE.RECORD_CHANGED', 512)],
    ],
    [
      'a record claims the entries of another, which is deleted',
      async ([, b, c]) => {
        await ledger.batches.collection.deleteOne({ _id: b!._id });
        await ledger.batches.collection.updateOne({ _id: c!._id }, { $set: { startSeq: b!.startSeq } });
      },
      [manifest('ARCHIVE.RECORD_MISSING', 256, 'archive_missing'), manifest('ARCHIVE.RECORD_CHANGED', 512)],
    ],
    [
      'the MAC is by somebody else',
      ([, b]) =>
        forge(ledger, b!, { signing: ({ signer, mac }) => ({ signer, mac: { ...mac, mac: () => randomBytes(32) } }) }),
      [manifest('ARCHIVE.MANIFEST_MAC'), manifest('ARCHIVE.MANIFEST_LINK', 512)],
    ],
    [
      'the signature does not hold',
      ([, b]) =>
        forge(ledger, b!, {
          signing: ({ signer, mac }) => ({ signer: { ...signer, sign: () => randomBytes(64) }, mac }),
        }),
      [manifest('ARCHIVE.MANIFEST_SIGNATURE'), manifest('ARCHIVE.MANIFEST_LINK', 512)],
    ],
    [
      'a manifest is linked to another one',
      ([, b]) => forge(ledger, b!, { manifest: { previousManifestSha256: '2'.repeat(64) } }),
      [manifest('ARCHIVE.RECORD_CHANGED'), manifest('ARCHIVE.MANIFEST_LINK', 512)],
    ],
  ])('names it when %s, and verifies every entry all the same', async (_what, attack, expected) => {
    const verdict = await after(attack);
    expect(told(verdict)).toEqual(expected);
    expect(verdict.tier).toBe('broken');
    const { expected: all, found } = verdict.entries;
    expect(found).toBe(all);
  });

  it('looks through the archive once, past what is no manifest, however much is missing', async () => {
    const [, b] = await ledger.records();
    const planted = b!.manifestKey
      .replace(/\d{4}\/\d\d\/\d\d/, '9999/12/31')
      .replace(/[0-9a-f]{16}(?=\.m)/, '0'.repeat(16));
    await ledger.put(planted, Buffer.from('no manifest'));
    await damage('256-511-0000000000000000');
    const lists = jest.spyOn(ledger.cold, 'list');
    const verdict = await after(async (records) => {
      await ledger.batches.collection.deleteMany({});
      for (const { jsonlKey } of records) await ledger.cold.delete(jsonlKey);
    });
    const asked = lists.mock.calls.length;
    lists.mockRestore();
    await ledger.cold.delete(planted);
    expect(asked).toBe(1);
    expect(told(verdict)).toEqual(
      [0, 256, 512].flatMap((from) => [
        manifest('ARCHIVE.RECORD_MISSING', from, 'archive_missing'),
        manifest('ARCHIVE.OBJECT_MISSING', from, 'archive_missing'),
      ]),
    );
  });

  it('cannot check what an unknown key has signed', async () => {
    const seed = randomBytes(32);
    const key = createPrivateKey({
      key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
      ...{ format: 'der', type: 'pkcs8' },
    });
    const stranger = { keyId: `assay.test/ledger/${TENANT}+00000000`, sign: (b: Uint8Array) => sign(null, b, key) };
    const verdict = await after(([, , c]) => forge(ledger, c!, { signing: ({ mac }) => ({ signer: stranger, mac }) }));
    expect(told(verdict)).toEqual([['key_unknown', 'ARCHIVE.MANIFEST_KEY_UNKNOWN', 512, 767]]);
    expect(verdict.tier).toBe('incomplete');
    expect(verdict.entries.found).toBe(verdict.entries.expected);
  });

  it('names a batch with a line that is no event, under our own signature', async () => {
    const verdict = await after(async ([, b]) => {
      const spaced = (line: string): string => line.replace(',"kind":', ', "kind":');
      const { lines, endChainHash } = edited(await ledger.get(b!.jsonlKey), b!.previousChainHash, spaced);
      await forge(ledger, b!, { lines, manifest: { endChainHash } });
    });
    expect(told(verdict)).toEqual([
      ['archive_altered', 'ARCHIVE.LINE_FORM', 256, 511],
      ['manifest_changed', 'ARCHIVE.MANIFEST_LINK', 512, 767],
    ]);
    expect(verdict.checkpoints.matched).toBe(verdict.checkpoints.checked);
  });

  it('tells the seq where our own key has signed other entries', async () => {
    const verdict = await after(async ([, b]) => {
      const { lines, endChainHash } = edited(await ledger.get(b!.jsonlKey), b!.previousChainHash);
      await forge(ledger, b!, { lines, manifest: { endChainHash } });
    });
    expect(verdict.breaks).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ class: 'edited', seq: 266, verdict: 'proven_tampering' }),
        expect.objectContaining({ code: 'ARCHIVE.MANIFEST_LINK', from: 512 }),
      ]),
    );
    // That the next batch begins with the chain as it was may be the fault of either: nothing of it is proven.
    expect(verdict.breaks.filter(({ verdict: proves }) => proves === 'proven_tampering')).toHaveLength(1);
  });

  describe('with entries in both tiers', () => {
    const insert = async (entries: StoredEntry[]): Promise<unknown> =>
      ledger.room.store.collection<StoredEntry>('ledger_entries').insertMany(entries);

    it('is verified before, while and after a batch leaves hot storage', async () => {
      const [, , batch] = await ledger.records();
      const { _id, startSeq, endSeq: last } = batch!;
      const entries: StoredEntry[] = [];
      for await (const some of ledger.room.module.get(ArchivedEntries).documents(batch!, BATCH)) entries.push(...some);
      // The lower entries leave first.
      const moments: [ArchiveBatch['state'], StoredEntry[]][] = [
        ['recorded', entries],
        ['deleting', entries.slice(BATCH / 2)],
        ['done', []],
      ];
      for (const [state, hot] of moments) {
        await ledger.batches.collection.updateOne({ _id }, { $set: { state } });
        await ledger.room.entries.deleteMany({ tenant: TENANT, seq: { $gte: startSeq, $lte: last } });
        if (hot.length > 0) await insert(hot);
        const { tier, breaks, batches, oldestHotSeq, entries: counted } = await ledger.room.verify();
        expect({ state, tier, breaks, batches, oldestHotSeq }).toEqual({
          ...{ state, tier: 'consistent', breaks: [], oldestHotSeq: hot[0]?.seq ?? ARCHIVED },
          batches: { expected: 3, read: 3, verified: 3 },
        });
        expect([counted.found, counted.verified]).toEqual([counted.expected, counted.expected]);
      }
    });

    it('names a record of entries that never left, and verifies them', async () => {
      const verdict = await after(async ([, , c]) =>
        ledger.batches.collection.insertOne({ ...c!, _id: 'planted', startSeq: 800, endSeq: 810, eventCount: 11 }),
      );
      expect(told(verdict)).toEqual([['manifest_changed', 'ARCHIVE.RECORD_CHANGED', 512, 767]]);
      expect(verdict.entries.found).toBe(verdict.entries.expected);
    });

    it('names a hot entry that is planted over an archived one', async () => {
      const [hot] = await ledger.room.stored();
      const verdict = await after(() =>
        insert([{ ...hot!, _id: `${TENANT}:0000000000000300`, seq: 300, event_id: 'x' }]),
      );
      expect(told(verdict)).toEqual([['inserted', undefined, 300, 300]]);
    });
  });

  it('verifies what is archived where all of hot storage is gone, and names what is not', async () => {
    const { length } = await ledger.room.stored();
    const verdict = await after(() => ledger.room.entries.deleteMany({ tenant: TENANT }));
    const [cut, ...more] = verdict.breaks;
    expect(more).toEqual([]);
    expect(['tail_cut', 'rolled_back']).toContain(cut?.class);
    expect(cut?.from).toBe(ARCHIVED);
    expect(cut?.to).toBeLessThan(ARCHIVED + length);
    expect(verdict).toMatchObject({ oldestHotSeq: null, highestArchivedSeq: ARCHIVED - 1, batches: { verified: 3 } });
  });

  it('names entries that a record and both objects are gone with, and what the next batch is linked to', async () => {
    const gone: Attack = async ([, b]) => {
      await ledger.batches.collection.deleteOne({ _id: b!._id });
      await ledger.cold.delete(b!.jsonlKey);
      await ledger.cold.delete(b!.manifestKey);
    };
    const [, b] = await ledger.records();
    const verdict = await after(gone);
    expect(told(verdict)).toEqual([['archive_missing', 'ARCHIVE.RECORD_MISSING', 256, 511]]);
    expect(verdict.breaks[0]?.reason).toContain(`linked to a manifest of SHA-256 ${b!.manifestSha256}`);
    expect(verdict.checkpoints.matched).toBe(verdict.checkpoints.checked);
  });

  it('names objects that the file system has damaged', async () => {
    const [, batch] = await ledger.records();
    await damage('256-511', 'jsonl');
    expect(told(await ledger.room.verify())).toEqual([['archive_altered', 'OBJECT_STORE.CORRUPT', 256, 511]]);
    await ledger.cold.delete(batch!.jsonlKey);
  });
});

const placed = ({ breaks }: LedgerVerdict): unknown[] =>
  breaks.map(({ class: kind, code, from, to }) => [kind, code, from, to]);

describe('a batch whose retention is over', () => {
  let ledger: ArchivedLedger;
  beforeAll(async () => {
    ledger = await archivedLedger({ ready: 2 });
  });
  afterAll(() => ledger.room.remove());

  it('is reported as retired, and its leaf hashes are still verified; without its tombstone it is missing', async () => {
    const [a] = await ledger.records();
    const before = (await ledger.room.verify()).entries;
    await ledger.room.module.get(BatchRetiring).retire(a!, { days: 365, now: new Date() });
    const verdict = await ledger.room.verify();
    expect(verdict).toMatchObject({
      tier: 'consistent',
      breaks: [],
      retired: [{ from: 0, to: 255 }],
      batches: { expected: 1, read: 1, verified: 1 },
    });
    const { expected, found, verified } = verdict.entries;
    expect([found, verified]).toEqual([expected, expected]);
    expect(expected).toBeGreaterThanOrEqual(before.expected - BATCH);
    expect(verdict.checkpoints.matched).toBe(verdict.checkpoints.checked);
    await ledger.cold.delete(tombstoneKey(a!.manifestKey));
    const told = await ledger.room.verify();
    expect(told.breaks.map(({ code, from, to }) => [code, from, to])).toEqual([['ARCHIVE.TOMBSTONE_MISSING', 0, 255]]);
  });
});

describe('encrypted batches', () => {
  let ledger: ArchivedLedger;
  beforeAll(async () => {
    ledger = await archivedLedger({ ready: 2 }, { env: { AUDIT_COLD_ENCRYPT: 'true' } });
  });
  afterAll(() => ledger.room.remove());

  /** Another ring, or none. */
  const withRing = async (ring: ArchiveKeyRing | undefined): Promise<LedgerVerdict> => {
    const path = join(ledger.room.dataDir, 'keys', 'archive.ring');
    const text = await readFile(path, 'utf8');
    if (ring) await writeFile(path, archiveRingText(ring));
    else await rm(path);
    try {
      return await ledger.room.verify();
    } finally {
      await writeFile(path, text, { mode: 0o600 });
    }
  };

  it('are verified in full with the key', async () => {
    const records = await ledger.records();
    expect(records.map(({ encryption }) => encryption?.algorithm)).toEqual(['AES-256-GCM', 'AES-256-GCM']);
    expect(await ledger.room.verify()).toMatchObject({ tier: 'consistent', breaks: [], batches: { verified: 2 } });
  });

  it('are verified down to the stored bytes without it, and the leaf tiles stand for the rest', async () => {
    const verdict = await withRing(undefined);
    expect(verdict).toMatchObject({ tier: 'incomplete', batches: { expected: 2, read: 0, verified: 0 } });
    expect(placed(verdict)).toEqual([
      ['cannot_read', 'ARCHIVE.KEY_MISSING', 0, 255],
      ['cannot_read', 'ARCHIVE.KEY_MISSING', 256, 511],
    ]);
    expect(verdict.checkpoints.matched).toBe(verdict.checkpoints.checked);
    const [a] = await ledger.records();
    const bytes = await ledger.get(a!.jsonlKey);
    const changed = Buffer.from(bytes);
    changed[0]! ^= 1;
    await ledger.put(a!.jsonlKey, changed);
    expect(placed(await withRing(undefined))[0]).toEqual(['archive_altered', 'ARCHIVE.STORED_DIGEST', 0, 255]);
    await ledger.put(a!.jsonlKey, bytes);
  });

  it('say so when the key is another one, or does not fit', async () => {
    expect(placed(await withRing(rotatedArchiveRing()))[0]).toEqual(['cannot_read', 'ARCHIVE.KEY_MISSING', 0, 255]);
    const [, b] = await ledger.records();
    const { manifest } = parsedManifest(await ledger.get(b!.manifestKey));
    const wrappedKey = randomBytes(60).toString('base64');
    const jsonl = { ...manifest.jsonl, encryption: { ...manifest.jsonl.encryption!, wrappedKey } };
    await forge(ledger, b!, { manifest: { jsonl } });
    const verdict = await ledger.room.verify();
    expect(placed(verdict)).toEqual([['cannot_read', 'ARCHIVE.DECRYPT', 256, 511]]);
    expect(verdict.tier).toBe('incomplete');
  });
});

describe('with a copy in a second store', () => {
  let ledger: ArchivedLedger;
  let copy: string;
  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'assay-copy-'));
    ledger = await archivedLedger({ ready: 2 }, { env: { AUDIT_COLD_COPY_URL: pathToFileURL(copy).href } });
  });
  afterAll(async () => {
    await ledger.room.remove();
    await rm(copy, { recursive: true, force: true });
  });

  it('the copy is verified by itself, and stands in for what the primary lost', async () => {
    const verification = ledger.room.module.get(ArchiveVerification);
    const [a, b] = await ledger.records();
    expect(placed(await verification.verify(TENANT, a!._id, { copy: true }))).toEqual([
      ['cannot_read', 'ARCHIVE.NOT_COPIED', 0, 255],
    ]);
    for (const record of [a!, b!]) await ledger.room.module.get(ColdCopier).copyBatch(record, SIGNAL);
    expect(await verification.verify(TENANT, a!._id, { copy: true })).toMatchObject({
      tier: 'consistent',
      batches: { expected: 1, read: 1, verified: 1 },
    });
    await ledger.cold.delete(a!.jsonlKey);
    const verdict = await ledger.room.verify();
    expect(placed(verdict)).toEqual([['archive_missing', 'ARCHIVE.OBJECT_MISSING', 0, 255]]);
    expect(verdict.breaks[0]?.reason).toMatch(/; the copy was read instead$/);
    expect(verdict.entries.found).toBe(verdict.entries.expected);
    await rm(join(copy), { recursive: true, force: true });
    expect(placed(await verification.verify(TENANT, b!._id, { copy: true }))[0]).toEqual([
      'archive_missing',
      'ARCHIVE.MANIFEST_MISSING',
      256,
      511,
    ]);
    expect((await verification.verify(TENANT, b!._id)).tier).toBe('consistent');
  });
});

describe('a long batch, in threads', () => {
  /** Two segments and a bit. */
  const ENTRIES = 2 * 4_096 + 300;
  const LAST = ENTRIES - (ENTRIES % 256) - 1;
  let room: AuditRoom;
  beforeAll(async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'assay-long-'));
    await writeLongLedger({ dataDir, uri: externalUri(dataDir), tenant: TENANT, entries: ENTRIES });
    room = await startRoom({ dataDir, env: { ASSAY_ORIGIN: 'assay.local', AUDIT_VERIFY_THREADS: '2' } });
    await room.store.collection('ledger_checkpoints').updateMany({}, { $set: { signed_at: new Date(0) } });
  });
  afterAll(() => room.remove());

  const run = (asked: Partial<RunOptions> = {}): Promise<LedgerVerdict> =>
    room.module.get(VerificationEngine).run(TENANT, { vkeys: [], require_anchor: false }, { signal: SIGNAL, ...asked });

  it('is verified while it leaves hot storage between two segments', async () => {
    let steps = 0;
    const progressed = async (): Promise<void> => {
      if (++steps === 1) await room.module.get(ArchiveRun).runOnce(TENANT, new Date());
    };
    const verdict = await run({ progressed });
    expect(verdict.breaks).toEqual([]);
    expect(verdict).toMatchObject({ highestArchivedSeq: null, entries: { found: ENTRIES, verified: ENTRIES } });
    expect(await room.entries.countDocuments({ tenant: TENANT, seq: { $lte: LAST } })).toBe(0);
  });

  it('is digested in threads: no archived entry is read one by one', async () => {
    const one = jest.spyOn(LedgerVerifier.prototype, 'entry');
    const verdict = await run();
    const seqs = one.mock.calls.map(([document]) => (document as { seq: number }).seq);
    one.mockRestore();
    expect(seqs.filter((seq) => seq <= LAST)).toEqual([]);
    expect(verdict).toMatchObject({
      tier: 'consistent',
      breaks: [],
      oldestHotSeq: LAST + 1,
      highestArchivedSeq: LAST,
      batches: { expected: 1, read: 1, verified: 1 },
      tiles: { compared: (LAST + 1) / 256 },
    });
    expect(verdict.entries.found).toBe(verdict.entries.expected);
  });

  /** A run that was stopped after its first segment. */
  async function stopped(): Promise<RunState> {
    let kept: RunState | undefined;
    const stopping = new AbortController();
    const progressed: RunOptions['progressed'] = (_done, state) => {
      kept ??= state();
      stopping.abort(new Error('stopped'));
      return Promise.resolve();
    };
    await expect(run({ signal: stopping.signal, progressed })).rejects.toThrow('stopped');
    expect(kept?.reading.next).toBe(4_096);
    return JSON.parse(JSON.stringify(kept)) as RunState;
  }

  it('is taken up again within the batch', async () => {
    const verdict = await run({ resume: await stopped() });
    expect(verdict).toMatchObject({
      tier: 'consistent',
      breaks: [],
      resumed_at: [4_096],
      batches: { expected: 1, read: 1, verified: 1 },
    });
    expect(verdict.entries.found).toBe(verdict.entries.expected);
  });

  it.each([
    ['lost', 'archive_missing', 'ARCHIVE.OBJECT_MISSING'],
    ['altered', 'archive_altered', 'ARCHIVE.STORED_DIGEST'],
  ])('is named where it was %s while the run was stopped within it', async (what, kind, code) => {
    const [record] = await room.module.get(ArchiveBatches).page(TENANT, { limit: 1 });
    const cold = await room.module.get(ColdStores).primary();
    const bytes = await buffer((await cold.get(record!.jsonlKey)).body);
    const resume = await stopped();
    await cold.delete(record!.jsonlKey);
    if (what === 'altered') await cold.put(record!.jsonlKey, flipped(bytes));
    const verdict = await run({ resume });
    await cold.delete(record!.jsonlKey);
    await cold.put(record!.jsonlKey, bytes);
    expect(placed(verdict)).toEqual([[kind, code, 0, LAST]]);
    expect(verdict).toMatchObject({ tier: 'broken', batches: { expected: 1, read: 0, verified: 0 } });
    expect(verdict.entries.found).toBe(verdict.entries.expected - (LAST + 1 - 4_096));
  });

  it('names the one hot entry that differs from the archived one', async () => {
    const [record] = await room.module.get(ArchiveBatches).page(TENANT, { limit: 1 });
    const [archived] = await room.module.get(ArchivedEntries).between(TENANT, { from: 5_000, to: 5_001, limit: 1 });
    expect(record?.startSeq).toBe(0);
    const event = parseEvent(archived!.bytes);
    const previousChainHash = archived!.chain_hash;
    const hot = entryOf({ tenant: TENANT, seq: 5_000, event, bytes: archived!.bytes, previousChainHash });
    const entries = room.store.collection<StoredEntry>('ledger_entries');
    await entries.insertOne({ ...hot, chain_hash: archived!.chain_hash, kind: 'job.started' });
    const verdict = await run();
    await entries.deleteOne({ _id: hot._id });
    expect(verdict.breaks.map(({ class: kind, seq, field }) => [kind, seq, field])).toEqual([
      ['index_mismatch', 5_000, 'kind'],
    ]);
  });
});

function reordered(stored: Buffer): Buffer {
  const lines = linesOfBatch(gunzipSync(stored));
  return batchLines([lines[1]!, lines[0]!, ...lines.slice(2)]);
}

/** Line 10 changed (another job id when not said how), and the chain that follows from it. */
function edited(
  stored: Buffer,
  previousChainHash: string,
  change = (line: string): string => line.replace('"job-', '"jab-'),
): { lines: Buffer; endChainHash: string } {
  const lines = linesOfBatch(gunzipSync(stored)).map((line) => Buffer.from(line));
  lines[10] = Buffer.from(change(lines[10]!.toString('utf8')));
  const chain = lines.reduce<Uint8Array>(
    (before, line) => chainHash(before, leafHash(line)),
    Buffer.from(previousChainHash, 'hex'),
  );
  return { lines: batchLines(lines), endChainHash: hexOf(chain) };
}
