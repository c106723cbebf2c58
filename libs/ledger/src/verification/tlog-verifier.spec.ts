import { ed25519 } from '@noble/curves/ed25519.js';
import {
  canonicalBytes,
  cosigner,
  EMPTY_ROOT,
  formatCheckpoint,
  leafHash,
  LedgerError,
  noteSigner,
  parsePolicy,
  signEvent,
  signNote,
  verifierKey,
  verifierKeyText,
  verifyTlog,
} from '../index.js';
import type { Break, LedgerEvent, VerificationReport } from '../index.js';
import * as naive from '../naive-tree.fixture.js';
import { utf8 } from '../bytes.js';
import { codeOfAsync } from '../thrown-code.fixture.js';
import { eventOf, KEY, ORIGIN, SEED } from './hostile-ledger.fixture.js';
import { changed, eventBytes, flipAt, signed, tlogOf, verifiedTlog } from './tlog.fixture.js';

const ENTRIES = Array.from({ length: 600 }, (_, n) => eventBytes(n));
const SMALL = tlogOf(ENTRIES.slice(0, 2));
const LOG = tlogOf(ENTRIES);
const LAST_TILE = 'tile/0/002.p/88';
const LAST_BUNDLE = 'tile/entries/002.p/88';

const shapes = (breaks: readonly Break[]): object[] =>
  breaks.map(({ class: kind, seq, from, to, located, verdict }) => ({
    kind,
    ...(seq === undefined ? { from, to } : { seq }),
    located,
    verdict,
  }));
const isAt = ({ seq, from, to }: Break, place: number): boolean =>
  seq === place || (from !== undefined && to !== undefined && from <= place && place <= to);
/** Start of an entry's length prefix in its bundle. */
const offsetOf = (seq: number): number => {
  const first = Math.floor(seq / 256) * 256;
  return ENTRIES.slice(first, seq).reduce((offset, entry) => offset + 2 + entry.length, 0);
};

describe('verifyTlog', () => {
  it.each([[1], [4], [256], [257], [600]])('finds a log of %i entries consistent', async (size) => {
    const report = await verifiedTlog(tlogOf(ENTRIES.slice(0, size)));
    const bundles = Math.ceil(size / 256);
    expect(report).toMatchObject({
      tenant: 'acme',
      origin: ORIGIN,
      tier: 'consistent',
      reasons: [],
      keys: 'pinned',
      keys_used: [`${KEY.name}+${KEY.keyId}`],
      range: { asked: { from: 0, to: size - 1 }, covered: { from: 0, to: size - 1 } },
      entries: { expected: size, found: size, verified: size },
      checkpoints: { checked: 1, matched: 1, not_comparable: 0, newest: { size } },
      tiles: { compared: bundles, agreed: bundles },
      breaks: [],
    });
  });

  it('finds an empty log consistent, and one of another root broken', async () => {
    expect(await verifiedTlog(new Map([['checkpoint', utf8(signed(0, EMPTY_ROOT))]]))).toMatchObject({
      tier: 'consistent',
      range: { asked: null, covered: null },
    });
    const other = await verifiedTlog(new Map([['checkpoint', utf8(signed(0, leafHash(EMPTY_ROOT)))]]));
    expect(other).toMatchObject({ tier: 'broken', breaks: [{ class: 'checkpoint_invalid', field: 'root' }] });
  });

  it('takes a partial tile or bundle from the full one when the log has grown', async () => {
    const grown = tlogOf(ENTRIES);
    const older = tlogOf(ENTRIES.slice(0, 500));
    grown.set('checkpoint', older.get('checkpoint') as Uint8Array);
    grown.set('tile/1/000.p/1', older.get('tile/1/000.p/1') as Uint8Array);
    expect(await verifiedTlog(grown)).toMatchObject({ tier: 'consistent', entries: { found: 500, verified: 500 } });
  });

  it('names the entry of any byte of a small log that was changed, in tile or bundle', async () => {
    const tiny = tlogOf([1, 2, 3].map((byte) => new Uint8Array(5).fill(byte)));
    for (const [path, seqOf] of [
      ['tile/entries/000.p/3', (at: number) => Math.floor(at / 7)],
      ['tile/0/000.p/3', (at: number) => Math.floor(at / 32)],
    ] as const) {
      for (let at = 0; at < (tiny.get(path)?.length ?? 0); at++) {
        const { tier, breaks } = await verifiedTlog(changed(tiny, path, flipAt(at, at % 8)));
        expect([path, at, tier, breaks.every((each) => isAt(each, seqOf(at)))]).toEqual([path, at, 'broken', true]);
        expect(path.includes('entries')).toBe(breaks.every(({ class: kind }) => kind !== 'tile_mismatch'));
      }
    }
  });

  it('refuses a changed byte anywhere in the checkpoint', async () => {
    const bytes = SMALL.get('checkpoint') as Uint8Array;
    for (let at = 0; at < bytes.length; at += 3) {
      const verdict = await verifiedTlog(changed(SMALL, 'checkpoint', flipAt(at, 1))).then(
        ({ tier }) => tier,
        (error: unknown) => (error instanceof LedgerError ? error.code : error),
      );
      expect([at, verdict]).not.toEqual([at, 'consistent']);
    }
  });

  describe('when an entry of a full tile was edited', () => {
    const edited = changed(LOG, 'tile/entries/001', flipAt(offsetOf(300) + 40));

    it('names its seq and event: the tiles lead to the signed root', async () => {
      const { tier, breaks, entries, checkpoints } = await verifiedTlog(edited);
      expect(tier).toBe('broken');
      expect(shapes(breaks)).toEqual([{ kind: 'edited', seq: 300, located: 'seq', verdict: 'proven_tampering' }]);
      expect(breaks[0]).toMatchObject({ last_good_seq: 299, first_good_seq_after: 301 });
      expect(entries).toEqual({ expected: 600, found: 600, verified: 599 });
      expect(checkpoints.matched).toBe(1);
    });

    it('and its hash in the tile with it, the bundle is the interval', async () => {
      const hash = leafHash(Uint8Array.from(ENTRIES[300] as Uint8Array, (byte, i) => (i === 38 ? byte ^ 1 : byte)));
      const both = changed(edited, 'tile/0/001', (bytes) => (bytes.set(hash, 44 * 32), bytes));
      expect(shapes((await verifiedTlog(both)).breaks)).toEqual([
        { kind: 'edited', from: 256, to: 511, located: 'interval', verdict: 'proven_tampering' },
      ]);
    });

    it('and everything above with it but the checkpoint, the interval is all of it', async () => {
      const forged = tlogOf(ENTRIES.with(300, eventBytes(999)));
      forged.set('checkpoint', LOG.get('checkpoint') as Uint8Array);
      expect(shapes((await verifiedTlog(forged)).breaks)).toEqual([
        { kind: 'edited', from: 0, to: 599, located: 'interval', verdict: 'proven_tampering' },
      ]);
    });
  });

  it('finds all breaks in one pass', async () => {
    let files = LOG;
    for (const seq of [0, 3, 255, 300, 599]) {
      const path = [...files.keys()].find((name) =>
        name.startsWith(`tile/entries/00${Math.floor(seq / 256)}`),
      ) as string;
      files = changed(files, path, flipAt(offsetOf(seq) + 30));
    }
    const { breaks, entries } = await verifiedTlog(files);
    expect(breaks.map(({ class: kind, seq }) => [kind, seq])).toEqual(
      [0, 3, 255, 300, 599].map((seq) => ['edited', seq]),
    );
    expect(entries.verified).toBe(595);
  });

  it('tells deleted, inserted and reordered entries by the hashes of their tile', async () => {
    const at = [offsetOf(10), offsetOf(11), offsetOf(12), offsetOf(13)] as [number, number, number, number];
    const bundle = 'tile/entries/000';
    const cut = changed(LOG, bundle, (b) => Uint8Array.of(...b.subarray(0, at[0]), ...b.subarray(at[2])));
    expect(shapes((await verifiedTlog(cut)).breaks)).toEqual([
      { kind: 'deleted', from: 10, to: 11, located: 'seq', verdict: 'proven_tampering' },
    ]);
    const twice = changed(LOG, bundle, (b) => Uint8Array.of(...b.subarray(0, at[1]), ...b.subarray(at[0])));
    expect(shapes((await verifiedTlog(twice)).breaks)).toEqual([
      { kind: 'inserted', seq: 11, located: 'seq', verdict: 'proven_tampering' },
    ]);
    const swapped = changed(
      LOG,
      bundle,
      (b) =>
      Uint8Array.of(...b.subarray(0, at[0]), ...b.subarray(at[2], at[3]), ...b.subarray(at[1], at[2]), ...b.subarray(at[0], at[1]), ...b.subarray(at[3])), // prettier-ignore
    );
    expect((await verifiedTlog(swapped)).breaks).toMatchObject([{ class: 'reordered', seqs: [10, 12] }]);
  });

  it('names a wrong hash of a tile at any level, and no entry', async () => {
    for (const [path, at, place] of [
      ['tile/0/001', 44, { seq: 300 }],
      [LAST_TILE, 3, { seq: 515 }],
      ['tile/1/000.p/2', 1, { from: 256, to: 511 }],
    ] as const) {
      const { breaks, entries } = await verifiedTlog(changed(LOG, path, flipAt(at * 32 + 5)));
      expect(shapes(breaks)).toEqual([{ kind: 'tile_mismatch', ...place, located: 'seq', verdict: 'inconsistent' }]);
      expect(entries.verified).toBe(600);
    }
  });

  it('tells a wrong tile and edited entries apart when both are there', async () => {
    const files = changed(changed(LOG, 'tile/1/000.p/2', flipAt(5)), 'tile/entries/001', flipAt(offsetOf(300) + 40));
    const { breaks } = await verifiedTlog(files);
    expect(breaks.map(({ class: kind, seq, from }) => [kind, seq ?? from])).toEqual([
      ['tile_mismatch', 0],
      ['edited', 300],
    ]);
  });

  it('says what is not there, without calling it proven', async () => {
    const noBundle = new Map(LOG);
    noBundle.delete('tile/entries/001');
    const lost = await verifiedTlog(noBundle);
    expect(shapes(lost.breaks)).toEqual([
      { kind: 'deleted', from: 256, to: 511, located: 'interval', verdict: 'inconsistent' },
    ]);
    expect(lost.entries).toEqual({ expected: 600, found: 344, verified: 344 });
    const noTile = new Map(LOG);
    noTile.delete('tile/0/001');
    expect(await verifiedTlog(noTile)).toMatchObject({
      tier: 'broken',
      entries: { verified: 600 },
      breaks: [{ class: 'tile_mismatch', from: 256, to: 511, field: 'tile/0/001', verdict: 'inconsistent' }],
    });
  });

  it('says what could not be read, and is incomplete', async () => {
    const read = (path: string): Promise<Uint8Array | undefined> =>
      path === LAST_BUNDLE ? Promise.reject(new Error('the network is gone')) : Promise.resolve(LOG.get(path));
    const report = await verifiedTlog(LOG, { read });
    expect(report.tier).toBe('incomplete');
    expect(shapes(report.breaks)).toEqual([
      { kind: 'cannot_read', from: 512, to: 599, located: 'interval', verdict: 'cannot_check' },
    ]);
  });

  it('rejects with LEDGER.TLOG_NO_CHECKPOINT what has none', async () => {
    expect(await codeOfAsync(verifiedTlog(new Map()))).toBe('LEDGER.TLOG_NO_CHECKPOINT');
  });
});

describe('the checkpoint of a log', () => {
  const root = naive.mth(ENTRIES.map(leafHash));
  const withNote = (note: string): typeof LOG => new Map(LOG).set('checkpoint', utf8(note));
  const only = async (note: string, options = {}): Promise<VerificationReport> => verifiedTlog(withNote(note), options);

  it('of no known key leaves everything else checked: key_unknown, incomplete', async () => {
    const report = await only(signed(600, root, new Uint8Array(32).fill(9)));
    expect(report).toMatchObject({ tier: 'incomplete', entries: { verified: 600 }, checkpoints: { matched: 0 } });
    expect(report.breaks).toMatchObject([{ class: 'key_unknown', verdict: 'cannot_check' }]);
  });

  it('of no known key proves nothing', async () => {
    const files = new Map(changed(LOG, 'tile/entries/001', flipAt(offsetOf(300) + 2)));
    files.set('checkpoint', utf8(signed(600, root, new Uint8Array(32).fill(9))));
    const { tier, breaks } = await verifiedTlog(files);
    expect(tier).toBe('broken');
    expect(shapes(breaks)).toContainEqual({ kind: 'edited', seq: 300, located: 'seq', verdict: 'inconsistent' });
  });

  it('signed by a known key of another log only is key_unknown', async () => {
    const other = verifierKey('example.org/ledger/other', KEY.publicKey);
    const text = formatCheckpoint({ origin: ORIGIN, size: 600, root });
    const keys = { verifierKeys: [KEY, other], pinned: true };
    const report = await only(signNote(text, noteSigner(other.name, SEED)), { keys });
    expect(report.breaks).toMatchObject([{ class: 'key_unknown', verdict: 'cannot_check' }]);
  });

  it('whose known signature does not hold is checkpoint_invalid', async () => {
    const report = await only(signed(600, root).replace('\n600\n', '\n599\n'));
    expect(report.tier).toBe('broken');
    expect(report.breaks.map(({ class: kind }) => kind)).toContain('checkpoint_invalid');
  });

  it('of another origin than asked for is checkpoint_invalid', async () => {
    const report = await verifiedTlog(LOG, { origin: 'example.org/ledger/other' });
    expect(report).toMatchObject({ tier: 'broken', breaks: [{ class: 'checkpoint_invalid', field: 'origin' }] });
  });

  it('with keys from the log itself is unpinned', async () => {
    const report = await verifiedTlog(LOG, { keys: { verifierKeys: [KEY], pinned: false } });
    expect(report).toMatchObject({ tier: 'consistent', keys: 'unpinned' });
  });

  it('cosigned by as many witnesses as the policy wants is anchored, by fewer not', async () => {
    const seeds = [21, 22].map((byte) => new Uint8Array(32).fill(byte));
    const witnesses = seeds.map((seed, i) =>
      verifierKey(`w${i}.example`, ed25519.getPublicKey(seed), 'cosignature/v1'),
    );
    const lines = witnesses.map((key, i) => `witness w${i} ${verifierKeyText(key)}\n`).join('');
    const policy = parsePolicy(utf8(`${lines}group both all w0 w1\nquorum both\n`));
    const text = formatCheckpoint({ origin: ORIGIN, size: 600, root });
    const cosigners = seeds.map((seed, i) => cosigner(`w${i}.example`, seed, 1_790_000_000 + i));
    const both = await only(signNote(text, noteSigner(ORIGIN, SEED), ...cosigners), { policy });
    expect(both).toMatchObject({ tier: 'anchored', anchored_size: 600 });
    expect(both.anchors).toMatchObject([
      { kind: 'witness', name: 'w0.example', size: 600, independent: true, matched: true },
      { name: 'w1.example' },
    ]);
    const one = await only(signNote(text, noteSigner(ORIGIN, SEED), ...cosigners.slice(1)), { policy });
    expect(one).toMatchObject({ tier: 'consistent', anchored_size: 0, anchors: [{ independent: false }] });
    const unpinned = { policy, keys: { verifierKeys: [KEY], pinned: false } };
    expect((await only(signNote(text, noteSigner(ORIGIN, SEED), ...cosigners), unpinned)).tier).toBe('consistent');
  });
});

describe('the events of a log', () => {
  const logOf = (...events: LedgerEvent[]): ReturnType<typeof tlogOf> =>
    tlogOf(events.map((event) => canonicalBytes(event)));
  const keyEvent = (kind: string, data: LedgerEvent['data']): LedgerEvent => ({
    ...eventOf(1),
    kind,
    data: data ?? {},
  });

  it('that were edited are not called a fault of the writer', async () => {
    const report = await verifiedTlog(changed(LOG, 'tile/entries/001', flipAt(offsetOf(300) + 2)));
    expect(report.breaks).toHaveLength(1);
    expect(report.form_faults.total).toBe(0);
  });

  it('that are none, or of another tenant, are form faults and no breaks', async () => {
    const foreign = { ...eventOf(2), scope: { tenant: 'other' } };
    const report = await verifiedTlog(tlogOf([eventBytes(0), utf8('{}'), canonicalBytes(foreign)]));
    expect(report).toMatchObject({ tier: 'incomplete', breaks: [], form_faults: { total: 2 } });
    expect(report.form_faults.first.map(({ seq }) => seq)).toEqual([1, 2]);
  });

  it('are held to their own signatures', async () => {
    const seed = new Uint8Array(32).fill(5);
    const own = signEvent(eventOf(1), { kid: 'k1', seed });
    const eventKeys = new Map([['k1', ed25519.getPublicKey(seed)]]);
    const keys = { verifierKeys: [KEY], pinned: true, eventKeys };
    expect((await verifiedTlog(logOf(own), { keys })).tier).toBe('consistent');
    const forged = { ...own, data: { attempt: 7 } };
    expect((await verifiedTlog(logOf(forged), { keys })).breaks).toMatchObject([
      { class: 'edited', seq: 0, field: 'sig' },
    ]);
    expect(await verifiedTlog(logOf(own))).toMatchObject({
      tier: 'incomplete',
      breaks: [{ class: 'key_unknown', field: 'sig' }],
    });
  });

  it('tell when the key of the checkpoint was retired before, or compromised', async () => {
    const data = { key_id: KEY.keyId, purpose: 'note' };
    const retired = (toSize: number): LedgerEvent => keyEvent('key.retired', { ...data, to_size: toSize });
    expect((await verifiedTlog(logOf(eventOf(0), retired(1)))).breaks).toMatchObject([
      { class: 'key_not_valid_then', checkpoint: 2 },
    ]);
    expect((await verifiedTlog(logOf(eventOf(0), retired(2)))).tier).toBe('consistent');
    const compromised = keyEvent('key.compromised', { ...data, since_size: 1 });
    expect((await verifiedTlog(logOf(compromised))).breaks).toMatchObject([{ class: 'key_not_valid_then' }]);
    const elsewhere = keyEvent('key.compromised', { ...data, since_size: 1, ledger: 'other' });
    expect((await verifiedTlog(logOf(elsewhere))).tier).toBe('consistent');
  });
});

describe('a log of three levels', () => {
  const size = 65_536 + 300;
  const files = tlogOf(Array.from({ length: size }, (_, n) => Uint8Array.of(n >> 16, n >> 8, n)));
  const middle = { from: 30_000, to: 30_400 };
  const tiers = (report: VerificationReport): object[] => shapes(report.breaks);

  it('is verified across the border of a full tile above, with few resources asked for at a time', async () => {
    let [inWork, most] = [0, 0];
    const read = async (path: string): Promise<Uint8Array | undefined> => {
      most = Math.max(most, ++inWork);
      await Promise.resolve();
      inWork -= 1;
      return files.get(path);
    };
    const done: number[] = [];
    const range = { from: 62_000, to: size - 1 };
    const report = await verifiedTlog(files, {
      read,
      range: () => range,
      progress: ({ entries }) => done.push(entries),
    });
    expect(report).toMatchObject({ breaks: [], entries: { verified: size - 61_952 }, checkpoints: { matched: 1 } });
    expect(most).toBeLessThanOrEqual(6);
    expect(done.at(-1)).toBe(size - 61_952);
  });

  it('is verified over a range, widened to whole bundles and no further', async () => {
    const asked: string[] = [];
    const read = (path: string): Promise<Uint8Array | undefined> => (
      asked.push(path),
      Promise.resolve(files.get(path))
    );
    const report = await verifiedTlog(files, { read, range: () => middle });
    expect(report.range).toEqual({ asked: middle, covered: { from: 29_952, to: 30_463 } });
    expect(report.entries).toEqual({ expected: 512, found: 512, verified: 512 });
    expect(asked.filter((path) => path.includes('entries'))).toEqual(['tile/entries/117', 'tile/entries/118']);
  });

  it('has its wrong tiles and entries named from the signed root down', async () => {
    const flips = [
      ['tile/1/000', 117 * 32, { kind: 'tile_mismatch', from: 29_952, to: 30_207 }],
      ['tile/0/117', 7 * 32, { kind: 'tile_mismatch', seq: 29_959 }],
      ['tile/entries/118', 4, { kind: 'edited', seq: 30_208, verdict: 'proven_tampering' }],
      ['tile/2/000.p/1', 0, { kind: 'tile_mismatch', from: 0, to: 65_535 }],
    ] as const;
    for (const [path, at, found] of flips) {
      const report = await verifiedTlog(changed(files, path, flipAt(at)), { range: () => middle });
      expect(tiers(report)).toMatchObject([found]);
    }
  });

  it('proves nothing by a tile that a wrong edge leads to', async () => {
    const entry = changed(files, 'tile/entries/255', flipAt(4));
    const report = await verifiedTlog(changed(entry, 'tile/0/257.p/44', flipAt(0)), {
      range: (end) => ({ from: 65_280, to: end - 1 }),
    });
    expect(tiers(report)).toEqual([
      { kind: 'edited', seq: 65_280, located: 'seq', verdict: 'inconsistent' },
      { kind: 'tile_mismatch', seq: 65_792, located: 'seq', verdict: 'inconsistent' },
    ]);
  });

  it.each([[{ from: -1, to: 1 }], [{ from: 5, to: 4 }], [{ from: 0, to: size }], [{ from: 0.5, to: 2 }]])(
    'refuses the range %j with LEDGER.SIZE_OUT_OF_RANGE',
    async (range) => {
      expect(await codeOfAsync(verifiedTlog(files, { range: () => range }))).toBe('LEDGER.SIZE_OUT_OF_RANGE');
    },
  );

  it('can be stopped', async () => {
    const stop = new AbortController();
    const run = verifyTlog({
      read: (path) => Promise.resolve(files.get(path)),
      keys: { verifierKeys: [KEY], pinned: true },
      progress: () => stop.abort(new Error('enough')),
      signal: stop.signal,
    });
    await expect(run).rejects.toThrow('enough');
  });
});
