import {
  bytesOfHex,
  cosigner,
  formatCheckpoint,
  noteSigner,
  parseNote,
  parseVerifierKey,
  signatureLine,
  signNote,
  verifierKey,
  verifierKeyText,
  verifyNote,
} from './index.js';
import type { NoteSigner } from './index.js';
import { SIGNED_NOTE } from './rfc6962.fixture.js';
import { ed25519 } from '@noble/curves/ed25519.js';
import { codeOf } from './thrown-code.fixture.js';

const { verifier_key: VKEY, text: TEXT, signature_line: LINE } = SIGNED_NOTE;
const NOTE = `${TEXT}\n${LINE}\n`;
const ORIGIN = 'example.org/ledger/acme';
const SEED = new Uint8Array(32).fill(7);
const KEY = verifierKey(ORIGIN, ed25519.getPublicKey(SEED));
const OTHER_SEED = new Uint8Array(32).fill(9);

describe('verifyNote', () => {
  it('verifies the example of golang.org/x/mod/sumdb/note', () => {
    const { text, verified } = verifyNote(NOTE, [parseVerifierKey(VKEY)]);
    expect(text).toBe(TEXT);
    expect(verified).toEqual([{ key: parseVerifierKey(VKEY) }]);
  });

  it('ignores lines of unknown keys', () => {
    const note = signNote(TEXT, noteSigner('stranger', OTHER_SEED), noteSigner(ORIGIN, SEED));
    expect(verifyNote(note, [KEY]).verified).toEqual([{ key: KEY }]);
    expect(parseNote(note).signatures.map(({ name }) => name)).toEqual(['stranger', ORIGIN]);
  });

  it('rejects with LEDGER.NOTE_KEY_UNKNOWN when no line is of a known key', () => {
    expect(codeOf(() => verifyNote(NOTE, [KEY]))).toBe('LEDGER.NOTE_KEY_UNKNOWN');
  });

  it('rejects with LEDGER.NOTE_SIGNATURE when the text or any bit of a known signature changed', () => {
    const keys = [parseVerifierKey(VKEY)];
    expect(codeOf(() => verifyNote(NOTE.replace('answer', 'Answer'), keys))).toBe('LEDGER.NOTE_SIGNATURE');
    const line = parseNote(NOTE).signatures[0];
    for (let bit = 0; bit < 512; bit += 17) {
      const signature = Uint8Array.from(line?.signature ?? []);
      signature[bit >> 3] = (signature[bit >> 3] as number) ^ (1 << (bit & 7));
      const forger: NoteSigner = { name: line?.name ?? '', keyId: line?.keyId ?? '', sign: () => signature };
      expect(codeOf(() => verifyNote(signNote(TEXT, forger), keys))).toBe('LEDGER.NOTE_SIGNATURE');
    }
  });

  it('rejects a bad line of a known key even beside a good line of another', () => {
    const forger: NoteSigner = { name: ORIGIN, keyId: KEY.keyId, sign: () => new Uint8Array(64) };
    const other = verifierKey('other', ed25519.getPublicKey(OTHER_SEED));
    const note = signNote(TEXT, noteSigner('other', OTHER_SEED), forger);
    expect(codeOf(() => verifyNote(note, [KEY, other]))).toBe('LEDGER.NOTE_SIGNATURE');
  });

  it('rejects with LEDGER.NOTE_KEY_AMBIGUOUS when two known keys share name and id', () => {
    const twin = { ...KEY, publicKey: ed25519.getPublicKey(OTHER_SEED) };
    expect(codeOf(() => verifyNote(signNote(TEXT, noteSigner(ORIGIN, SEED)), [KEY, twin]))).toBe(
      'LEDGER.NOTE_KEY_AMBIGUOUS',
    );
  });
});

describe('parseNote', () => {
  it.each([
    ['no blank line', `${TEXT}${LINE}\n`],
    ['no signature', `${TEXT}\n`],
    ['no final newline', `${TEXT}\n${LINE}`],
    ['a hyphen for the dash', `${TEXT}\n${LINE.replace('—', '-')}\n`],
    ['a control character', `${TEXT}\u0007\n\n${LINE}\n`],
    ['a carriage return', NOTE.replaceAll('\n', '\r\n')],
    ['a lone surrogate', `\ud800${NOTE}`],
    ['base64 with loose bits', `${TEXT}\n— a AAAAAAB=\n`],
    ['a signature of four bytes', `${TEXT}\n— a AAAAAA==\n`],
    ['a plus in the name', `${TEXT}\n${LINE.replace('Peter', 'P+')}\n`],
    ['text after the signature', `${TEXT}\n${LINE} x\n`],
    ['101 signatures', `${TEXT}\n${`${LINE}\n`.repeat(101)}`],
    ['more than a million characters', `${'x'.repeat(1_000_000)}${NOTE}`],
  ])('rejects %s with LEDGER.NOTE_MALFORMED', (_what, note) => {
    expect(codeOf(() => parseNote(note))).toBe('LEDGER.NOTE_MALFORMED');
  });
});

describe('parseVerifierKey', () => {
  it('reads and writes the example of golang.org/x/mod/sumdb/note', () => {
    const key = parseVerifierKey(VKEY);
    expect(key).toMatchObject({ name: 'PeterNeumann', keyId: 'c74f20a3', algorithm: 'ed25519' });
    expect(verifierKeyText(key)).toBe(VKEY);
    expect(verifierKey(key.name, key.publicKey)).toEqual(key);
  });

  it.each([
    ['LEDGER.VERIFIER_KEY_ID', VKEY.replace('c74f20a3', 'c74f20a4')],
    ['LEDGER.VERIFIER_KEY_MALFORMED', VKEY.replace('c74f20a3', 'c74f20')],
    ['LEDGER.VERIFIER_KEY_MALFORMED', VKEY.slice(0, -4)],
    ['LEDGER.VERIFIER_KEY_MALFORMED', ''],
    ['LEDGER.VERIFIER_KEY_ALGORITHM', VKEY.replace('+ARpc', '+Aipc')],
  ])('rejects with %s: %s', (code, text) => {
    expect(codeOf(() => parseVerifierKey(text))).toBe(code);
  });
});

describe('cosigner', () => {
  const text = formatCheckpoint({ origin: ORIGIN, size: 3, root: new Uint8Array(32).fill(1) });
  const key = verifierKey('witness', ed25519.getPublicKey(OTHER_SEED), 'cosignature/v1');

  it('adds a timestamped line that verifies and tells its time', () => {
    const note =
      signNote(text, noteSigner(ORIGIN, SEED)) + signatureLine(cosigner('witness', OTHER_SEED, 1_790_000_000), text);
    expect(verifyNote(note, [KEY, key]).verified).toEqual([{ key: KEY }, { key, time: 1_790_000_000 }]);
  });

  it('is over the header, the time and the text of C2SP tlog-cosignature', () => {
    const signature = cosigner('witness', OTHER_SEED, 5).sign(text);
    const message = new TextEncoder().encode(`cosignature/v1\ntime 5\n${text}`);
    expect(signature.subarray(0, 8)).toEqual(bytesOfHex('0000000000000005'));
    expect(ed25519.verify(signature.subarray(8), message, key.publicKey)).toBe(true);
  });

  it('does not hold under another time', () => {
    const signature = cosigner('witness', OTHER_SEED, 5).sign(text);
    signature[7] = 6;
    const forger: NoteSigner = { name: 'witness', keyId: key.keyId, sign: () => signature };
    expect(codeOf(() => verifyNote(signNote(text, forger), [key]))).toBe('LEDGER.NOTE_SIGNATURE');
  });

  it('has another key id than the same key signing notes', () => {
    expect(key.keyId).not.toBe(verifierKey('witness', key.publicKey).keyId);
  });
});
