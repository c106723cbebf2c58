import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ed25519 } from '@noble/curves/ed25519.js';
import {
  CompactRange,
  cosigner,
  entryOf,
  eventDigest,
  formatCheckpoint,
  genesisHash,
  hexOf,
  leafHash,
  LedgerVerifier,
  macKey,
  nodeHash,
  noteMac,
  noteSigner,
  parseEvent,
  parseVerifierKey,
  signEvent,
  signNote,
  verifierKey,
  verifierKeyText,
  verifyEventSignature,
} from './index.js';
import type { StoredEntry, VerificationReport } from './index.js';
import { utf8 } from './bytes.js';

// docs/design/ledger.md is written for programs nobody here wrote; its values come from a script without our code.
const page = readFileSync(resolve(__dirname, '../../../docs/design/ledger.md'), 'utf8');
const source = (file: string): string => readFileSync(resolve(__dirname, file), 'utf8');

function fenced(name: string): string {
  const [, text] = new RegExp(`^\`\`\`${name}\\n([^]*?)^\`\`\`$`, 'm').exec(page) ?? [];
  if (text === undefined) throw new Error(`the page has no block ${name}`);
  return text;
}

const values = new Map(
  fenced('values')
    .trimEnd()
    .split('\n')
    .map((line): [string, string] => [line.slice(0, line.indexOf(' = ')), line.slice(line.indexOf(' = ') + 3)]),
);
const value = (name: string): string => {
  const found = values.get(name);
  if (found === undefined) throw new Error(`the page has no value ${name}`);
  return found;
};
const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

const origin = value('origin');
const NOTE = fenced('note');
const TEXT = `${NOTE.split('\n\n')[0]}\n`;
const SEQS = [0, 1, 2];
const mark = JSON.parse(value('high-water mark')) as Mark;
const bytesOf = (seq: number): Uint8Array => utf8(value(`bytes of seq ${seq}`));
const VKEY = verifierKey(origin, ed25519.getPublicKey(seed(1)));

function entries(): StoredEntry[] {
  let previousChainHash = genesisHash(origin);
  return SEQS.map((seq) => {
    const bytes = bytesOf(seq);
    const entry = entryOf({ tenant: 'acme', seq, event: parseEvent(bytes), bytes, previousChainHash });
    previousChainHash = entry.chain_hash;
    return entry;
  });
}

describe('docs/design/ledger.md', () => {
  it('tells the forms as the code has them', () => {
    const forms = [...source('forms.ts').matchAll(/(\w+): \{\s*pattern: \/(.+)\/,/g)].map(([, name, form]) => [
      name,
      form,
    ]);
    const told = fenced('forms')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/\s{2,}/));
    expect(told).toEqual(forms);
  });

  it('tells every class of break', () => {
    const [, union = ''] = /export type BreakClass =([^;]+);/.exec(source('verification/report.types.ts')) ?? [];
    const classes = [...union.matchAll(/'(\w+)'/g)].map(([, name]) => name);
    const [, table = ''] = page.split('| class | meaning |');
    const told = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    expect(told.sort()).toEqual(classes.sort());
  });

  describe('the worked ledger', () => {
    it('has canonical bytes', () => {
      for (const seq of SEQS) expect(() => parseEvent(bytesOf(seq))).not.toThrow();
    });

    it('has our ids, leaf hashes and chain hashes', () => {
      expect(hexOf(genesisHash(origin))).toBe(value('chain hash before seq 0'));
      for (const { _id, seq, leaf_hash, chain_hash } of entries()) {
        expect(_id).toBe(value(`_id of seq ${seq}`));
        expect(hexOf(leaf_hash)).toBe(value(`leaf hash of seq ${seq}`));
        expect(hexOf(chain_hash)).toBe(value(`chain hash of seq ${seq}`));
      }
    });

    it('has our tree', () => {
      const [a, b, c] = SEQS.map((seq) => leafHash(bytesOf(seq))) as [Uint8Array, Uint8Array, Uint8Array];
      expect(hexOf(nodeHash(a, b))).toBe(value('node over seq 0 and 1'));
      expect(hexOf(treeOf([a, b, c]).root())).toBe(value('root of size 3'));
    });

    it('has our pseudonym in seq 1', () => {
      const key = Buffer.from(value('subject key'), 'hex');
      expect(createHmac('sha256', key).update(value('subject'), 'utf8').digest('hex')).toBe(value('pseudonym'));
      expect(parseEvent(bytesOf(1)).data?.user_id).toBe(value('pseudonym'));
    });

    it('has our signature of seq 2', () => {
      const event = parseEvent(bytesOf(2));
      expect(hexOf(eventDigest(event))).toBe(value('event digest of seq 2'));
      expect(signEvent(event, { kid: event.sig!.kid, seed: seed(3) })).toEqual(event);
      expect(() => verifyEventSignature(event, Buffer.from(value('event key'), 'hex'))).not.toThrow();
    });

    it('has our checkpoint, signed by our keys', () => {
      const root = treeOf(SEQS.map((seq) => leafHash(bytesOf(seq)))).root();
      expect(formatCheckpoint({ origin, size: 3, root })).toBe(TEXT);
      const second = parseVerifierKey(value("cosigner's verifier key"));
      const signers = [noteSigner(origin, seed(1)), cosigner(second.name, seed(2), Number(value('cosignature time')))];
      expect(signNote(TEXT, ...signers)).toBe(NOTE);
      expect(verifierKeyText(VKEY)).toBe(value('verifier key'));
    });

    it('has our MAC', () => {
      const key = macKey(utf8(value('AUDIT_SIGNING_KEY')), {
        purpose: 'checkpoint',
        tenant: 'acme',
        keyId: value('MAC key id'),
      });
      expect(hexOf(key)).toBe(value('MAC key'));
      expect(hexOf(noteMac(key, TEXT))).toBe(value('MAC'));
    });

    it('has our high-water mark', () => {
      const tree = treeOf(SEQS.map((seq) => leafHash(bytesOf(seq))));
      expect(mark.peaks.map(hexOfBase64)).toEqual(tree.state().peaks.map(hexOf));
      expect(hexOfBase64(mark.chain_hash)).toBe(value('chain hash of seq 2'));
    });

    it('verifies', () => {
      expect(reportOn(entries())).toMatchObject({ tier: 'consistent', entries: { verified: 3 }, breaks: [] });
    });

    it('breaks where one byte of it is changed', () => {
      const [first, second, third] = entries() as [StoredEntry, StoredEntry, StoredEntry];
      const bytes = utf8(value('bytes of seq 1').replace('"720"', '"730"'));
      const { tier, breaks } = reportOn([first, { ...second, bytes }, third]);
      expect(tier).toBe('broken');
      expect(breaks).toMatchObject([
        {
          class: 'edited',
          seq: 1,
          field: 'bytes',
          stored: value('leaf hash of seq 1'),
          verdict: 'proven_tampering',
        },
      ]);
    });
  });
});

interface Mark {
  size: number;
  root: string;
  peaks: string[];
  chain_hash: string;
}

function reportOn(documents: readonly StoredEntry[]): VerificationReport {
  const eventKeys = new Map([[parseEvent(bytesOf(2)).sig!.kid, Buffer.from(value('event key'), 'hex')]]);
  const verifier = new LedgerVerifier({
    tenant: 'acme',
    origin,
    keys: { verifierKeys: [VKEY], pinned: true, eventKeys },
    highWater: { origin, size: mark.size, root: Buffer.from(mark.root, 'base64') },
  });
  for (const document of documents) verifier.entry(document);
  verifier.checkpoint(NOTE);
  return verifier.finish();
}

const hexOfBase64 = (text: string): string => Buffer.from(text, 'base64').toString('hex');

function treeOf(leaves: readonly Uint8Array[]): CompactRange {
  const range = new CompactRange();
  for (const leaf of leaves) range.append(leaf);
  return range;
}
