import { ed25519 } from '@noble/curves/ed25519.js';
import {
  cosigner,
  formatCheckpoint,
  noteSigner,
  parseCosignature,
  parseNote,
  signatureLine,
  signNote,
  verifierKey,
  verifyCosignature,
} from './index.js';
import { codeOf } from './thrown-code.fixture.js';

const SEED = new Uint8Array(32).fill(9);
const TIME = 1_790_000_000;
const KEY = verifierKey('witness', ed25519.getPublicKey(SEED), 'cosignature/v1');
const noteText = formatCheckpoint({ origin: 'example.org/log', size: 3, root: new Uint8Array(32).fill(1) });
const LINE = signatureLine(cosigner('witness', SEED, TIME), noteText);
const claim = { noteText, signature: LINE, verifierKey: KEY };
/** The line whose bytes, after the key id, are these. */
const lineOf = (signature: Uint8Array): string =>
  signatureLine({ name: 'witness', keyId: KEY.keyId, sign: () => signature }, noteText);
const SIGNATURE = parseNote(`${noteText}\n${LINE}`).signatures[0]?.signature as Uint8Array;

describe('parseCosignature', () => {
  it('reads the time of the example of C2SP tlog-cosignature', () => {
    const line =
      '— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==';
    expect(parseCosignature(line)).toMatchObject({
      name: 'witness.example.com/w1',
      keyId: '8d66cf3f',
      time: 1679315147,
    });
  });

  it('reads a line and a parsed signature alike', () => {
    const [parsed] = parseNote(`${noteText}\n${LINE}`).signatures;
    expect(parsed && parseCosignature(parsed)).toEqual(parseCosignature(LINE));
    expect(parseCosignature(LINE)).toMatchObject({ name: 'witness', keyId: KEY.keyId, time: TIME });
    expect(parseCosignature(LINE).signature).toHaveLength(64);
  });

  it('rejects with LEDGER.COSIGNATURE_MALFORMED another length, or a time beyond 2^53-1', () => {
    for (const bytes of [SIGNATURE.slice(1), Uint8Array.of(...SIGNATURE, 0), SIGNATURE.slice(8)]) {
      expect(codeOf(() => parseCosignature(lineOf(bytes)))).toBe('LEDGER.COSIGNATURE_MALFORMED');
    }
    const late = Uint8Array.from(SIGNATURE, (byte, i) => (i === 1 ? 0x20 : byte));
    expect(codeOf(() => parseCosignature(lineOf(late)))).toBe('LEDGER.COSIGNATURE_MALFORMED');
  });

  it.each([['witness abc'], [LINE.replace('—', '-')], [`${LINE}\n`], ['']])(
    'rejects %j with LEDGER.NOTE_MALFORMED',
    (line) => {
      expect(codeOf(() => parseCosignature(line))).toBe('LEDGER.NOTE_MALFORMED');
    },
  );
});

describe('verifyCosignature', () => {
  it('gives the time the cosigner asserts', () => {
    expect(verifyCosignature(claim)).toBe(TIME);
  });

  it('refuses it with any of its 576 bits changed', () => {
    for (let bit = 0; bit < 576; bit++) {
      const changed = Uint8Array.from(SIGNATURE, (byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      const expected = bit >= 16 && bit < 64 ? /NOTE_SIGNATURE/ : /NOTE_SIGNATURE|COSIGNATURE_MALFORMED/;
      expect(codeOf(() => verifyCosignature({ ...claim, signature: lineOf(changed) }))).toMatch(expected);
    }
  });

  it('rejects with LEDGER.NOTE_SIGNATURE another text', () => {
    const other = noteText.replace('\n3\n', '\n4\n');
    expect(codeOf(() => verifyCosignature({ ...claim, noteText: other }))).toBe('LEDGER.NOTE_SIGNATURE');
  });

  it('rejects with LEDGER.COSIGNATURE_KEY a line of another key, and a key for notes', () => {
    const other = verifierKey('witness', ed25519.getPublicKey(new Uint8Array(32)), 'cosignature/v1');
    expect(codeOf(() => verifyCosignature({ ...claim, verifierKey: other }))).toBe('LEDGER.COSIGNATURE_KEY');
    const named = verifierKey('other', KEY.publicKey, 'cosignature/v1');
    expect(codeOf(() => verifyCosignature({ ...claim, verifierKey: named }))).toBe('LEDGER.COSIGNATURE_KEY');
    const plain = verifierKey('witness', KEY.publicKey);
    const noted = parseNote(signNote(noteText, noteSigner('witness', SEED))).signatures[0];
    expect(noted?.signature).toHaveLength(64);
    const posing = { name: 'witness', keyId: plain.keyId, signature: SIGNATURE };
    expect(codeOf(() => verifyCosignature({ ...claim, signature: posing, verifierKey: plain }))).toBe(
      'LEDGER.COSIGNATURE_KEY',
    );
  });
});
