import { verify } from 'node:crypto';
import { canonicalJson, verifierKey } from '#libs/ledger';
import {
  ARCHIVED_AT,
  checkpointOf,
  codeThrownBy,
  eventsOf,
  KEY,
  linesOf,
  macOf,
  manifestOf,
  PUBLIC,
  SIGNING,
} from './archive.fixture.js';
import type { ArchivedLines, ArchiveManifest } from './archive.types.js';
import { envelopeText } from './dsse.js';
import {
  assertManifestDigest,
  assertManifestOf,
  MANIFEST_TYPE,
  manifestText,
  parsedManifest,
  verifyManifest,
  verifyEnvelopeMac,
} from './manifest.js';
import { packedBatch } from './packed-batch.js';

const entries = eventsOf(3);
let whole: ArchiveManifest;
beforeAll(async () => (whole = manifestOf(entries, await packedBatch(linesOf(entries)))));

/** The envelope of anything at all, signed with our keys: what whoever holds them could have put. */
const signedAnyhow = (manifest: object, type = MANIFEST_TYPE): string =>
  envelopeText(type, Buffer.from(canonicalJson(manifest)), SIGNING);

describe('a manifest', () => {
  it('verifies for anyone with the public key, node:crypto and JSON', () => {
    const text = manifestText(whole, SIGNING);
    const envelope = JSON.parse(text) as { payload: string; payloadType: string; signatures: { sig: string }[] };
    const payload = Buffer.from(envelope.payload, 'base64');
    const { payloadType: type } = envelope;
    const pae = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
    expect(verify(null, pae, PUBLIC, Buffer.from(envelope.signatures[0]!.sig, 'base64'))).toBe(true);
    expect(JSON.parse(payload.toString())).toEqual(whole);
  });

  it.each<[string, Partial<Record<keyof ArchiveManifest, unknown>>]>([
    ['version', { version: 2 }],
    ['tenant', { tenant: 'ACME' }],
    ['origin', { origin: 7 }],
    ['startSeq', { startSeq: 3 }],
    ['startSeq', { startSeq: -1 }],
    ['endSeq', { endSeq: 1.5 }],
    ['eventCount', { eventCount: 2 }],
    ['eventCount', { endSeq: 65_536, eventCount: 65_537 }],
    ['minTs', { minTs: '2026-08-03T00:00:00.000Z' }],
    ['maxTs', { maxTs: '2026-02-30T00:00:00.000Z' }],
    ['archivedAt', { archivedAt: '2026-11-21' }],
    ['endChainHash', { endChainHash: 'AB'.repeat(32) }],
    ['previousChainHash', { previousChainHash: '' }],
    ['previousManifestSha256', { previousManifestSha256: 'x' }],
    ['keyIds', { keyIds: ['one'] }],
    ['keyIds', { keyIds: ['another', SIGNING.mac.keyId] }],
    ['exactly the members', { more: 1 } as object],
    ['checkpoint', { checkpoint: 'none' }],
    ['checkpoint', { checkpoint: checkpointOf(2) }],
    ['checkpoint', { checkpoint: checkpointOf(3, 'assay.test/ledger/beta') }],
  ])('with another %s is refused with ARCHIVE.MANIFEST_FORM', async (names, change) => {
    const refused = (): unknown => parsedManifest(signedAnyhow({ ...whole, ...change }));
    expect(await codeThrownBy(refused)).toBe('ARCHIVE.MANIFEST_FORM');
    expect(refused).toThrow(names);
    expect(() => manifestText({ ...whole, ...change } as ArchiveManifest, SIGNING)).toThrow(names);
  });

  it.each<[string, Partial<Record<keyof ArchivedLines, unknown>>]>([
    ['jsonl.encoding', { encoding: 'zstd' }],
    ['jsonl.sha256', { storedSha256: 'x' }],
    ['jsonl.bytes', { bytes: 0 }],
    ['jsonl.bytes', { bytes: 32 * 1024 * 1024 + 1 }],
    ['jsonl.storedBytes', { storedBytes: 2 ** 40 }],
    ['jsonl.versionId', { versionId: 1 }],
    ['jsonl.encryption', { encryption: { algorithm: 'none', iv: '', keyId: '', wrappedKey: '' } }],
    ['jsonl.encryption', { encryption: { algorithm: 'AES-256-GCM', iv: 'AAAA', keyId: 'k', wrappedKey: 'AAAA' } }],
    ['jsonl.key', { key: 'elsewhere' }],
    ['jsonl: exactly', { more: 1 } as object],
  ])('with another %s is refused with ARCHIVE.MANIFEST_FORM', (names, change) => {
    const refused = (): unknown => parsedManifest(signedAnyhow({ ...whole, jsonl: { ...whole.jsonl, ...change } }));
    expect(refused).toThrow(expect.objectContaining({ code: 'ARCHIVE.MANIFEST_FORM' }) as Error);
    expect(refused).toThrow(names);
  });

  it('lies where its batch, its day and its digest say', async () => {
    const elsewhere = [
      { ...whole, archivedAt: '2026-11-22T03:00:00.000Z' },
      { ...whole, tenant: 'beta' },
      { ...whole, jsonl: { ...whole.jsonl, sha256: 'ab'.repeat(32) } },
    ];
    for (const manifest of elsewhere) {
      expect(await codeThrownBy(() => parsedManifest(signedAnyhow(manifest)))).toBe('ARCHIVE.MANIFEST_FORM');
    }
    expect(whole.jsonl.key).toContain(ARCHIVED_AT.slice(0, 10).replaceAll('-', '/'));
  });

  it.each([
    ['of another type', () => signedAnyhow(whole, 'application/json')],
    [
      'whose payload is in another form',
      () => envelopeText(MANIFEST_TYPE, Buffer.from(JSON.stringify(whole, null, 1)), SIGNING),
    ],
    ['that is no envelope', () => JSON.stringify(whole)],
    ['with a null in it', () => signedAnyhow({ ...whole, jsonl: null })],
  ])('%s is refused with ARCHIVE.MANIFEST_FORM', async (_, text) => {
    expect(await codeThrownBy(() => parsedManifest(text()))).toBe('ARCHIVE.MANIFEST_FORM');
  });

  it('that is another than the one on record is known without any key', async () => {
    const { sha256 } = parsedManifest(manifestText(whole, SIGNING));
    const other = parsedManifest(manifestText({ ...whole, previousManifestSha256: sha256 }, SIGNING));
    expect(await codeThrownBy(() => assertManifestDigest(other, sha256))).toBe('ARCHIVE.MANIFEST_DIGEST');
    expect(() => assertManifestDigest({ sha256 }, sha256)).not.toThrow();
  });

  it('of another batch is ARCHIVE.MANIFEST_OTHER, however whole', async () => {
    const parsed = parsedManifest(manifestText(whole, SIGNING));
    expect(() => assertManifestOf(parsed, whole)).not.toThrow();
    for (const other of [
      { ...whole, tenant: 'beta' },
      { ...whole, startSeq: 1 },
      { ...whole, endSeq: 9 },
    ]) {
      expect(await codeThrownBy(() => assertManifestOf(parsed, other))).toBe('ARCHIVE.MANIFEST_OTHER');
    }
  });

  it('whose known key did not sign it is ARCHIVE.MANIFEST_SIGNATURE, also beside another that did', async () => {
    const signer = { ...SIGNING.signer, sign: () => Buffer.alloc(64, 1) };
    const forged = parsedManifest(manifestText(whole, { ...SIGNING, signer }));
    expect(await codeThrownBy(() => verifyManifest(forged, [KEY]))).toBe('ARCHIVE.MANIFEST_SIGNATURE');
    const { signatures } = parsedManifest(manifestText(whole, SIGNING));
    const both = { ...forged, signatures: [...signatures, ...forged.signatures] };
    expect(await codeThrownBy(() => verifyManifest(both, [KEY]))).toBe('ARCHIVE.MANIFEST_SIGNATURE');
  });

  it('that no known key signed is ARCHIVE.MANIFEST_KEY_UNKNOWN', async () => {
    const parsed = parsedManifest(manifestText(whole, SIGNING));
    const other = verifierKey('elsewhere', KEY.publicKey);
    expect(await codeThrownBy(() => verifyManifest(parsed, []))).toBe('ARCHIVE.MANIFEST_KEY_UNKNOWN');
    expect(await codeThrownBy(() => verifyManifest(parsed, [other]))).toBe('ARCHIVE.MANIFEST_KEY_UNKNOWN');
  });

  it('has a MAC of its own over the same encoding', async () => {
    const parsed = parsedManifest(manifestText(whole, SIGNING));
    expect(() => verifyEnvelopeMac(parsed, macOf)).not.toThrow();
    const codes = [
      await codeThrownBy(() => verifyEnvelopeMac(parsed, () => Buffer.alloc(32))),
      await codeThrownBy(() => verifyEnvelopeMac(parsed, () => Buffer.alloc(31))),
      await codeThrownBy(() => verifyEnvelopeMac(parsed, () => undefined)),
    ];
    expect(codes).toEqual(['ARCHIVE.MANIFEST_MAC', 'ARCHIVE.MANIFEST_MAC', 'ARCHIVE.MAC_KEY_UNKNOWN']);
  });
});
