import { ed25519 } from '@noble/curves/ed25519.js';
import {
  cosigner,
  formatCheckpoint,
  formatProof,
  inclusionProof,
  leafHash,
  LedgerError,
  noteSigner,
  parseProof,
  rootOf,
  signNote,
  verifierKey,
  verifyProof,
} from './index.js';
import { utf8 } from './bytes.js';
import { codeOf } from './thrown-code.fixture.js';

const ORIGIN = 'example.org/ledger/acme';
const SEED = new Uint8Array(32).fill(7);
const KEY = verifierKey(ORIGIN, ed25519.getPublicKey(SEED));
const WITNESS_SEED = new Uint8Array(32).fill(8);
const WITNESS = verifierKey('witness', ed25519.getPublicKey(WITNESS_SEED), 'cosignature/v1');
const LEAVES = Array.from({ length: 11 }, (_, i) => leafHash(utf8(`entry ${i}`)));
const SIZE = LEAVES.length;
const INDEX = 6;
const LEAF = LEAVES[INDEX] as Uint8Array;
const TEXT = formatCheckpoint({ origin: ORIGIN, size: SIZE, root: rootOf(LEAVES) });
const CHECKPOINT = signNote(TEXT, noteSigner(ORIGIN, SEED), cosigner('witness', WITNESS_SEED, 1_790_000_000));
const PROOF = inclusionProof(LEAVES, INDEX);
const FILE = formatProof({ index: INDEX, proof: PROOF, checkpoint: CHECKPOINT });
const claim = { leafHash: LEAF, verifierKeys: [KEY, WITNESS] };
const verdict = (text: string): string | undefined => codeOf(() => verifyProof({ ...claim, text }));
const rebuilt = (change: Partial<Parameters<typeof formatProof>[0]>): string =>
  formatProof({ index: INDEX, proof: PROOF, checkpoint: CHECKPOINT, ...change });
const flip = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes, (byte, i) => (i === 9 ? byte ^ 16 : byte));

describe('formatProof', () => {
  it('writes the lines of C2SP tlog-proof', () => {
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
    expect(rebuilt({ extra: Uint8Array.of(1, 2, 3) })).toBe(
      ['c2sp.org/tlog-proof@v1', 'extra AQID', `index ${INDEX}`, ...PROOF.map(base64), '', CHECKPOINT].join('\n'),
    );
  });

  it('is read back, with extra data and without', () => {
    expect(parseProof(FILE)).toEqual({ index: INDEX, proof: PROOF, checkpoint: CHECKPOINT });
    expect(parseProof(rebuilt({ extra: new Uint8Array(0) })).extra).toEqual(new Uint8Array(0));
  });

  it('writes a proof of a tree of one leaf, which has no hashes', () => {
    const checkpoint = signNote(formatCheckpoint({ origin: ORIGIN, size: 1, root: LEAF }), noteSigner(ORIGIN, SEED));
    expect(verifyProof({ ...claim, text: formatProof({ index: 0, proof: [], checkpoint }) }).size).toBe(1);
  });

  it.each([[-1], [1.5], [2 ** 53], [NaN]])('refuses index %d with LEDGER.PROOF_FILE_MALFORMED', (index) => {
    expect(codeOf(() => rebuilt({ index }))).toBe('LEDGER.PROOF_FILE_MALFORMED');
  });
});

describe('verifyProof', () => {
  it('gives the checkpoint, the index and whose signatures hold', () => {
    expect(verifyProof({ ...claim, text: FILE })).toMatchObject({
      origin: ORIGIN,
      size: SIZE,
      root: rootOf(LEAVES),
      index: INDEX,
      verified: [{ key: KEY }, { key: WITNESS, time: 1_790_000_000 }],
    });
  });

  it('refuses every hash changed by a bit, swapped with the next, left out or added', () => {
    PROOF.forEach((hash, i) => {
      expect(verdict(rebuilt({ proof: PROOF.with(i, flip(hash)) }))).toBe('LEDGER.ROOT_MISMATCH');
      expect(verdict(rebuilt({ proof: PROOF.toSpliced(i, 1) }))).toBe('LEDGER.PROOF_LENGTH');
      expect(verdict(rebuilt({ proof: PROOF.toSpliced(i, 0, hash) }))).toBe('LEDGER.PROOF_LENGTH');
      const next = PROOF[i + 1];
      if (next !== undefined) {
        expect(verdict(rebuilt({ proof: PROOF.with(i, next).with(i + 1, hash) }))).toBe('LEDGER.ROOT_MISMATCH');
      }
    });
  });

  it('refuses every other index and every other leaf', () => {
    for (let index = 0; index < SIZE; index++) {
      if (index === INDEX) continue;
      expect(verdict(rebuilt({ index }))).toMatch(/ROOT_MISMATCH|PROOF_LENGTH/);
      const leaf = LEAVES[index] as Uint8Array;
      expect(codeOf(() => verifyProof({ ...claim, leafHash: leaf, text: FILE }))).toBe('LEDGER.ROOT_MISMATCH');
    }
    expect(verdict(rebuilt({ index: SIZE }))).toBe('LEDGER.INDEX_OUT_OF_RANGE');
  });

  it('refuses a checkpoint of another size or root, signed or not', () => {
    for (const size of [SIZE - 4, SIZE + 9]) {
      const text = formatCheckpoint({ origin: ORIGIN, size, root: rootOf(LEAVES) });
      const checkpoint = signNote(text, noteSigner(ORIGIN, SEED));
      expect(verdict(rebuilt({ checkpoint }))).toBe('LEDGER.PROOF_LENGTH');
    }
    const root = flip(rootOf(LEAVES));
    const signed = signNote(formatCheckpoint({ origin: ORIGIN, size: SIZE, root }), noteSigner(ORIGIN, SEED));
    expect(verdict(rebuilt({ checkpoint: signed }))).toBe('LEDGER.ROOT_MISMATCH');
    expect(verdict(FILE.replace(`\n${SIZE}\n`, `\n${SIZE + 1}\n`))).toBe('LEDGER.NOTE_SIGNATURE');
  });

  it('rejects with LEDGER.NOTE_KEY_UNKNOWN when no line is of a known key', () => {
    const stranger = verifierKey(ORIGIN, ed25519.getPublicKey(WITNESS_SEED));
    expect(codeOf(() => verifyProof({ text: FILE, leafHash: LEAF, verifierKeys: [stranger] }))).toBe(
      'LEDGER.NOTE_KEY_UNKNOWN',
    );
  });

  it('rejects with LEDGER.NOTE_LOG_SIGNATURE when only others signed than the log of this origin', () => {
    expect(codeOf(() => verifyProof({ text: FILE, leafHash: LEAF, verifierKeys: [WITNESS] }))).toBe(
      'LEDGER.NOTE_LOG_SIGNATURE',
    );
    const namesake = verifierKey(ORIGIN, WITNESS.publicKey, 'cosignature/v1');
    const cosigned = signNote(TEXT, cosigner(ORIGIN, WITNESS_SEED, 1_790_000_000));
    expect(
      codeOf(() => verifyProof({ text: rebuilt({ checkpoint: cosigned }), leafHash: LEAF, verifierKeys: [namesake] })),
    ).toBe('LEDGER.NOTE_LOG_SIGNATURE');
    const other = 'example.org/ledger/other';
    const checkpoint = signNote(TEXT, noteSigner(other, SEED));
    const verifierKeys = [verifierKey(other, ed25519.getPublicKey(SEED))];
    expect(codeOf(() => verifyProof({ text: rebuilt({ checkpoint }), leafHash: LEAF, verifierKeys }))).toBe(
      'LEDGER.NOTE_LOG_SIGNATURE',
    );
  });

  it('refuses the file with any character changed, and cut anywhere', () => {
    const holds = (text: string): boolean => {
      try {
        verifyProof({ ...claim, text });
        return true;
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error;
        return false;
      }
    };
    expect(holds(FILE)).toBe(true);
    // A line that names no known key any more is ignored: the cosigner's name and key id may change, to its loss.
    const ignored = FILE.indexOf('— witness ') + '— '.length;
    const ignoredEnd = ignored + 'witness '.length + 6;
    for (let at = 0; at < FILE.length; at++) {
      if (at >= ignored && at < ignoredEnd) continue;
      for (const other of FILE[at] === 'B' ? ['C'] : ['B', '\n']) {
        if (FILE[at] !== other)
          expect([at, holds(FILE.slice(0, at) + other + FILE.slice(at + 1))]).toEqual([at, false]);
      }
    }
    const line = FILE.indexOf('— witness ');
    for (let end = 0; end < FILE.length; end++)
      if (end !== line) expect([end, holds(FILE.slice(0, end))]).toEqual([end, false]);
  });
});

describe('parseProof', () => {
  it.each([
    ['another version', FILE.replace('@v1', '@v2')],
    ['a line before the header', `\n${FILE}`],
    ['no index', FILE.replace(/index .*\n/, '')],
    ['an index with a leading zero', FILE.replace('index ', 'index 0')],
    ['an index beyond 2^53-1', FILE.replace('index 6', 'index 9007199254740992')],
    ['a signed index', FILE.replace('index ', 'index -')],
    ['extra data after the index', FILE.replace(/(index .*\n)/, '$1extra AQID\n')],
    ['extra data that is no base64', FILE.replace('index', 'extra AQI\nindex')],
    ['a hash of 31 bytes', FILE.replace(/(index .*\n).*/, `$1${'A'.repeat(41)}A==`)],
    ['54 hashes', FILE.replace('\n\n', `\n${`${'A'.repeat(43)}=\n`.repeat(54)}\n`)],
    ['carriage returns', FILE.replaceAll('\n', '\r\n')],
  ])('rejects %s with LEDGER.PROOF_FILE_MALFORMED', (_what, text) => {
    expect(codeOf(() => parseProof(text))).toBe('LEDGER.PROOF_FILE_MALFORMED');
  });

  it('rejects what is no checkpoint', () => {
    expect(codeOf(() => parseProof(FILE.slice(0, -1)))).toBe('LEDGER.NOTE_MALFORMED');
    expect(codeOf(() => parseProof(FILE.replace(`\n${SIZE}\n`, '\n0x11\n')))).toBe('LEDGER.CHECKPOINT_MALFORMED');
  });
});
