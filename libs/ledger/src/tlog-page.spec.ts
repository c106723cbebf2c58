import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  consistencyProof,
  entriesPath,
  entryBundleBytes,
  formatProof,
  hashesOfTile,
  hexOf,
  inclusionProof,
  leafHash,
  parseProof,
  parseTilePath,
  parseVerifierKey,
  rootFrom,
  rootOf,
  tileBytes,
  tilePath,
  tileWidthAt,
  verifyConsistency,
  verifyInclusion,
  verifyProof,
  verifyTlog,
} from './index.js';
import { utf8 } from './bytes.js';

// docs/design/tlog.md is written for programs nobody here wrote; its values come from a script without our code.
const read = (file: string): string => readFileSync(resolve(__dirname, '../../../docs/design', file), 'utf8');
const page = read('tlog.md');
const ledgerPage = read('ledger.md');

function fenced(text: string, name: string): string {
  const [, block] = new RegExp(`^\`\`\`${name}\\n([^]*?)^\`\`\`$`, 'm').exec(text) ?? [];
  if (block === undefined) throw new Error(`the page has no block ${name}`);
  return block;
}

const valuesIn = (block: string): Map<string, string> =>
  new Map(
    block
      .trimEnd()
      .split('\n')
      .map((line): [string, string] => [line.slice(0, line.indexOf(' = ')), line.slice(line.indexOf(' = ') + 3)]),
  );
const values = valuesIn(fenced(page, 'tlog-values'));
const ledger = valuesIn(fenced(ledgerPage, 'values'));
const of = (from: Map<string, string>, name: string): string => {
  const found = from.get(name);
  if (found === undefined) throw new Error(`the page has no value ${name}`);
  return found;
};
const hashesOf = (name: string): Uint8Array[] =>
  of(values, name)
    .split(' ')
    .map((hash) => new Uint8Array(Buffer.from(hash, 'hex')));

const numbers = Array.from({ length: 600 }, (_, n) => Uint8Array.of(0, 0, Math.floor(n / 256), n % 256));
const leaves = numbers.map(leafHash);
const events = [0, 1, 2].map((seq) => utf8(of(ledger, `bytes of seq ${seq}`)));
const PROOF = fenced(page, 'tlog-proof');
const NOTE = fenced(ledgerPage, 'note');
const KEYS = ['verifier key', "cosigner's verifier key"].map((name) => parseVerifierKey(of(ledger, name)));

/** A tile or bundle of these entries, by our code. */
function fileOf(path: string, entries: readonly Uint8Array[]): Uint8Array {
  const { level, index, width } = parseTilePath(path);
  const part = entries.slice(index * 256, index * 256 + width);
  if (level === 'entries') return entryBundleBytes(part);
  if (level === 0) return tileBytes(part.map(leafHash));
  const hashes = entries.map(leafHash);
  return tileBytes(Array.from({ length: width }, (_, i) => rootOf(hashes.slice(i * 256, i * 256 + 256))));
}

describe('docs/design/tlog.md', () => {
  it('has our paths', () => {
    const indexes = [...values].filter(([name]) => name.startsWith('index '));
    expect(indexes).toHaveLength(4);
    for (const [name, path] of indexes) {
      const index = Number(name.slice(6));
      expect(tilePath({ level: 3, index })).toBe(`tile/3/${path}`);
      expect(entriesPath({ index, width: 9 })).toBe(`tile/entries/${path}.p/9`);
    }
  });

  it('has our tiles and bundles', () => {
    const files = [...values].filter(([name]) => name.startsWith('sha256 of '));
    expect(files).toHaveLength(7);
    for (const [name, digest] of files) {
      const path = (/^sha256 of (\S+) at size 600$/.exec(name) ?? [])[1] as string;
      expect([path, createHash('sha256').update(fileOf(path, numbers)).digest('hex')]).toEqual([path, digest]);
    }
    const count = [0, 1, 2].map((level) => Math.ceil(Math.floor(70_000 / 256 ** level) / 256));
    expect(Number(of(values, 'files at size 70000'))).toBe(
      (count[0] as number) * 2 + (count[1] as number) + (count[2] as number),
    );
    expect(tileWidthAt({ level: 0, index: 273, size: 70_000 })).toBe(112);
    const many = Array.from({ length: 70_000 }, (_, n) => leafHash(Uint8Array.of(0, n >> 16, n >> 8, n)));
    expect(hexOf(rootOf(many))).toBe(of(values, 'root of size 70000'));
  });

  it('has our roots and proofs', async () => {
    const [from, to] = [300, 600];
    const [fromRoot, toRoot] = [rootOf(leaves.slice(0, from)), rootOf(leaves)];
    expect(hexOf(fromRoot)).toBe(of(values, 'root of size 300'));
    expect(hexOf(toRoot)).toBe(of(values, 'root of size 600'));
    const tile = (level: number, index: number, width: number): Promise<Uint8Array[]> =>
      Promise.resolve(hashesOfTile(fileOf(tilePath({ level, index, width }), numbers), width));
    expect(hexOf(await rootFrom({ tile }, to))).toBe(of(values, 'root of size 600'));
    expect(inclusionProof(leaves, from).map(hexOf).join(' ')).toBe(of(values, 'inclusion of 300 in 600'));
    expect(consistencyProof(leaves, from).map(hexOf).join(' ')).toBe(of(values, 'consistency of 300 and 600'));
    const leaf = leaves[from] as Uint8Array;
    verifyInclusion({
      leafHash: leaf,
      index: from,
      size: to,
      proof: hashesOf('inclusion of 300 in 600'),
      root: toRoot,
    });
    verifyConsistency({ from, to, fromRoot, toRoot, proof: hashesOf('consistency of 300 and 600') });
  });

  it('has our proof file, which verifies', () => {
    const proof = inclusionProof(events.map(leafHash), 1);
    const extra = events[1] as Uint8Array;
    expect(formatProof({ index: 1, proof, checkpoint: NOTE, extra })).toBe(PROOF);
    const entry = parseProof(PROOF).extra as Uint8Array;
    expect(verifyProof({ text: PROOF, leafHash: leafHash(entry), verifierKeys: KEYS })).toMatchObject({
      origin: of(ledger, 'origin'),
      size: 3,
      index: 1,
      verified: [{}, { time: Number(of(ledger, 'cosignature time')) }],
    });
  });

  it('has a log that verifies, and breaks where its entry is changed', async () => {
    const tile = new Uint8Array(Buffer.from(of(values, 'tile/0/000.p/3'), 'hex'));
    const bundle = entryBundleBytes(events);
    const digest = createHash('sha256').update(bundle).digest('hex');
    expect(of(values, 'tile/entries/000.p/3')).toBe(`sha256 ${digest}`);
    const files = new Map([
      ['checkpoint', utf8(NOTE)],
      ['tile/0/000.p/3', tile],
      ['tile/entries/000.p/3', bundle],
    ]);
    const kid = /"kid":"(\w+)"/.exec(of(ledger, 'bytes of seq 2'))?.[1] as string;
    const eventKeys = new Map([[kid, new Uint8Array(Buffer.from(of(ledger, 'event key'), 'hex'))]]);
    const keys = { verifierKeys: KEYS, pinned: true, eventKeys };
    const report = () => verifyTlog({ read: (path) => Promise.resolve(files.get(path)), keys });
    expect(await report()).toMatchObject({ tenant: 'acme', tier: 'consistent', breaks: [], entries: { verified: 3 } });
    files.set(
      'tile/entries/000.p/3',
      new Uint8Array(Buffer.from(Buffer.from(bundle).toString('latin1').replace('"720"', '"730"'), 'latin1')),
    );
    expect((await report()).breaks).toMatchObject([{ class: 'edited', seq: 1, verdict: 'proven_tampering' }]);
  });

  it('names every class of break that a log can have', () => {
    for (const kind of [
      'edited',
      'deleted',
      'inserted',
      'reordered',
      'tile_mismatch',
      'checkpoint_invalid',
      'key_unknown',
      'key_not_valid_then',
      'cannot_read',
    ]) {
      expect(page).toContain(`\`${kind}\``);
    }
  });
});
