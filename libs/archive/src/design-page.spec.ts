import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ed25519 } from '@noble/curves/ed25519.js';
import { macKey, parseVerifierKey } from '#libs/ledger';
import { parsedArchiveRing } from './archive-ring.js';
import { archivedEntries } from './archived-entries.js';
import { encryptedMember } from './batch-encryption.js';
import { manifestText, parsedManifest, verifyManifest, verifyEnvelopeMac } from './manifest.js';
import { sha256Hex } from './hex-digest.js';
import { unpackedBatch } from './unpacked-batch.js';

// docs/design/archive.md is written for programs nobody here wrote; its values come from a script without our code.
const source = (path: string): string => readFileSync(resolve(__dirname, path), 'utf8');
const pages = { archive: source('../../../docs/design/archive.md'), ledger: source('../../../docs/design/ledger.md') };

function value(name: string, page: keyof typeof pages = 'archive'): string {
  const line = pages[page].split('\n').find((text) => text.startsWith(`${name} = `));
  if (line === undefined) throw new Error(`the page has no value ${name}`);
  return line.slice(name.length + 3);
}

const base64 = (name: string): Buffer => Buffer.from(value(name), 'base64');
const RANGE = { tenant: 'acme', startSeq: 0, endSeq: 2 };
const MANIFESTS = ['manifest', 'manifest of the encrypted'];
const ring = parsedArchiveRing(value('archive ring'));
const vkey = parseVerifierKey(value('verifier key', 'ledger'));
const macId = value('MAC key id', 'ledger');
const master = Buffer.from(value('AUDIT_SIGNING_KEY', 'ledger'));

const macOf = (keyId: string, bytes: Uint8Array): Buffer =>
  createHmac('sha256', macKey(master, { purpose: 'archive', tenant: 'acme', keyId }))
    .update(bytes)
    .digest();

describe('the page of the archive’s formats', () => {
  it.each(MANIFESTS)('has a %s that we read, believe, and would have written', (name) => {
    const parsed = parsedManifest(value(name));
    expect(parsed.sha256).toBe(value(`SHA-256 of the ${name}`));
    expect(verifyManifest(parsed, [vkey])).toEqual([`${vkey.name}+${vkey.keyId}`]);
    verifyEnvelopeMac(parsed, macOf);
    const signer = {
      keyId: `${vkey.name}+${vkey.keyId}`,
      sign: (bytes: Uint8Array) => ed25519.sign(bytes, new Uint8Array(32).fill(1)),
    };
    const mac = { keyId: macId, mac: (bytes: Uint8Array) => macOf(macId, bytes) };
    expect(manifestText(parsed.manifest, { signer, mac })).toBe(value(name));
  });

  it.each([
    ['gzip member', 'manifest'],
    ['encrypted object', 'manifest of the encrypted'],
  ])('has a %s whose lines are the entries of the ledger’s page', async (object, name) => {
    const { manifest } = parsedManifest(value(name));
    const lines = await unpackedBatch(base64(object), manifest.jsonl, ring);
    expect(sha256Hex(lines)).toBe(value('SHA-256 of the lines'));
    const entries = [...archivedEntries(lines, manifest)].map(({ entry }) => entry);
    expect(entries.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(
      [0, 1, 2].map((seq) => value(`bytes of seq ${seq}`, 'ledger')),
    );
    expect(manifest.endChainHash).toBe(value('chain hash of seq 2', 'ledger'));
    expect(Buffer.from(entries[2]!.chain_hash).toString('hex')).toBe(value('chain hash of seq 2', 'ledger'));
  });

  it('has the encrypted object that we make of its gzip member', () => {
    const { stored, encryption } = encryptedMember(base64('gzip member'), value('SHA-256 of the lines'), {
      ring,
      ...RANGE,
    });
    expect(stored.toString('base64')).toBe(value('encrypted object'));
    expect(encryption).toMatchObject({ keyId: ring.current, wrappedKey: value('wrapped key'), iv: value('iv') });
  });

  it('has keys of the ring as they are derived', () => {
    const key = ring.key(ring.current!)!;
    const wrap = macKey(key, { purpose: 'archive wrap', tenant: 'acme', keyId: ring.current! });
    expect(Buffer.from(wrap).toString('hex')).toBe(value('wrap key'));
  });

  it('names every code, and no other', () => {
    const codes = (text: string): string[] => [...new Set(text.match(/ARCHIVE\.[A-Z_]+/g))].sort();
    expect(codes(pages.archive)).toEqual(codes(source('archive.errors.ts')));
  });
});
