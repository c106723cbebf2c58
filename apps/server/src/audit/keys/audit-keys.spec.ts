import { createPublicKey, verify } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseNote, signatureLine, signNote, verifyCosignature, verifyNote } from '#libs/ledger';
import { Settings } from '../../settings.js';
import { AuditKeys } from './audit-keys.js';

const TENANT = 'acme';
const ORIGIN = `assay.test/ledger/${TENANT}`;
const TEXT = `${ORIGIN}\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n`;

let dataDir: string;
beforeEach(async () => (dataDir = await mkdtemp(join(tmpdir(), 'assay-keys-'))));
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const load = (env: Record<string, string> = {}): Promise<AuditKeys> =>
  AuditKeys.load(new Settings({ ASSAY_DATA_DIR: dataDir, ASSAY_ORIGIN: 'assay.test', ...env }));
const file = (name: string): string => join(dataDir, 'keys', name);

/** Id of the note key that signs this size. */
const signerAt = async (keys: AuditKeys, size: number): Promise<string> =>
  (await keys.noteSigner(TENANT, ORIGIN, size)).keyId;
const idOf = (keys: AuditKeys, index: number): string => keys.verifierKeys(TENANT, ORIGIN)[index]!.keyId;

describe('the key folder', () => {
  it('is the same for the next start', async () => {
    const first = await load();
    const next = await load();
    expect(next.keys).toEqual(first.keys);
    expect(await signerAt(next, 1)).toBe(await signerAt(first, 1));
  });

  it('holds keys whose notes and cosignatures verify', async () => {
    const keys = await load();
    const note = signNote(TEXT, await keys.noteSigner(TENANT, ORIGIN, 7));
    expect(verifyNote(note, keys.verifierKeys(TENANT, ORIGIN)).verified).toHaveLength(1);
    const signature = signatureLine(await keys.cosigner(TENANT, 7, 1_800_000_000), TEXT);
    const [verifierKey] = keys.cosignerKeys();
    expect(verifyCosignature({ noteText: TEXT, signature, verifierKey: verifierKey! })).toBe(1_800_000_000);
    expect(verifierKey!.name).toBe('assay.test/cosigner');
    expect(parseNote(note).signatures[0]!.name).toBe(ORIGIN);
  });

  it('signs objects of the archive with the note key of the size, under the name that is asked for', async () => {
    const keys = await load();
    await keys.rangesOf(TENANT);
    const second = await keys.add('note');
    await keys.moveTo(TENANT, 'note', second.id, 100);
    const bytes = Buffer.from('DSSEv1 1 a 1 b');
    for (const [size, index] of [[99, 0] as const, [100, 1] as const]) {
      const { name, keyId, publicKey } = keys.verifierKeys(TENANT, ORIGIN)[index]!;
      const signer = await keys.archiveSigner(TENANT, ORIGIN, size);
      expect(signer.keyId).toBe(`${name}+${keyId}`);
      const x = Buffer.from(publicKey).toString('base64url');
      const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
      expect(verify(null, bytes, key, signer.sign(bytes))).toBe(true);
    }
  });

  it('has another MAC key for the archive than for notes, and one for each tenant', async () => {
    const keys = await load();
    const { keyId, mac } = keys.noteMac(TENANT, TEXT);
    const macs = [TENANT, 'other'].map((tenant) => keys.archiveMac(tenant, Buffer.from(TEXT), keyId)!);
    expect(new Set([mac, ...macs].map((each) => Buffer.from(each).toString('hex'))).size).toBe(3);
    expect(keys.archiveMac(TENANT, Buffer.from(TEXT), 'unknown')).toBeUndefined();
  });

  it.each([
    ['a key', 'note.key', 0o640, '0640', 'chmod 0600'],
    ['the ring', 'ring.json', 0o602, '0602', 'chmod 0600'],
    ['the folder', '.', 0o750, '0750', 'chmod 0700'],
  ])('is refused when others can use %s, and the message says what to do', async (_, name, mode, shown, advice) => {
    await load();
    await chmod(file(name), mode);
    const refused = load();
    await expect(refused).rejects.toMatchObject({ code: 'AUDIT.KEY_PERMISSIONS' });
    await expect(refused).rejects.toThrow(`mode ${shown}`);
    await expect(refused).rejects.toThrow(`${advice} ${file(name)}`);
  });

  it.each([
    ['a key is gone', () => rm(file('note.key')), /note\.key is missing/],
    ['a key is another', () => writeFile(file('note.key'), `${Buffer.alloc(32, 9).toString('base64')}\n`), /expected/],
    ['a key is no key', () => writeFile(file('note.key'), 'AAAA\n'), /holds 3 bytes/],
    ['the ring is no ring', () => writeFile(file('ring.json'), '{"keys":[{"id":"x"}]}'), /no key|list of keys/],
  ])('is refused when %s', async (_, harm, says) => {
    await load();
    await harm();
    const refused = load();
    await expect(refused).rejects.toMatchObject({ code: 'AUDIT.KEY_UNREADABLE' });
    await expect(refused).rejects.toThrow(says);
  });
});

describe('a process that only converts', () => {
  it('makes no key file', async () => {
    await load({ ASSAY_ROLES: 'worker' });
    expect(await readdir(dataDir)).toEqual([]);
  });

  it('opens no key of checkpoints that lies there, and cannot sign one', async () => {
    await load();
    await Promise.all(['note.key', 'cosign.key', 'mac.ring'].map((name) => writeFile(file(name), 'not a key')));
    await expect(load()).rejects.toMatchObject({ code: 'AUDIT.KEY_UNREADABLE' });
    const keys = await load({ ASSAY_ROLES: 'worker' });
    for (const use of [
      () => keys.noteSigner(TENANT, ORIGIN, 1),
      () => keys.cosigner(TENANT, 1, 1),
      () => Promise.resolve().then(() => keys.noteMac(TENANT, TEXT)),
    ]) {
      await expect(use()).rejects.toMatchObject({ code: 'AUDIT.KEYS_ELSEWHERE' });
    }
  });

  it('has a key for events, and nothing else, where a tenant asks for signed events', async () => {
    const keys = await load({ ASSAY_ROLES: 'worker', AUDIT_EVENT_SIGNATURES: TENANT });
    expect((await readdir(join(dataDir, 'keys'))).sort()).toEqual(['event.key', 'ring.json']);
    expect(keys.eventKeys.has(keys.eventSigner.kid)).toBe(true);
  });
});

describe('which key signs which size', () => {
  it('is the first one up to where the ledger moved, and the second from there, also after a restart', async () => {
    let keys = await load();
    expect(await signerAt(keys, 4)).toBe(idOf(keys, 0));
    const { id } = await keys.add('note');
    expect(await signerAt(keys, 5)).toBe(idOf(keys, 0));
    await keys.moveTo(TENANT, 'note', id, 6);
    keys = await load();
    expect(await Promise.all([1, 5, 6, 7].map((size) => signerAt(keys, size)))).toEqual(
      [0, 0, 1, 1].map((index) => idOf(keys, index)),
    );
  });

  it('is the newest for a ledger that begins after a rotation, and the first for one that was signed by it before there were ranges', async () => {
    const keys = await load();
    await keys.add('note');
    await mkdir(file('marks'), { mode: 0o700 });
    await writeFile(join(file('marks'), 'older'), 'a mark');
    expect(await signerAt(keys, 1)).toBe(idOf(keys, 1));
    const older = await keys.noteSigner('older', 'assay.test/ledger/older', 8);
    expect(older.keyId).toBe(keys.verifierKeys('older', 'assay.test/ledger/older')[0]!.keyId);
  });

  it('is no key any more where it was retired, whatever the store asks for', async () => {
    const keys = await load();
    await signerAt(keys, 1);
    const first = keys.keys.find(({ purpose }) => purpose === 'note')!;
    await keys.moveTo(TENANT, 'note', (await keys.add('note')).id, 6);
    await keys.retire(first.id);
    await expect(signerAt(keys, 5)).rejects.toMatchObject({ code: 'AUDIT.KEY_RETIRED' });
    expect(await signerAt(keys, 6)).toBe(idOf(keys, 1));
    expect(await readdir(join(dataDir, 'keys'))).not.toContain('note.key');
    expect((await load()).verifierKeys(TENANT, ORIGIN)).toHaveLength(2);
  });

  it('is no key of a file that a retirement left when the process died', async () => {
    const keys = await load();
    const first = keys.keys.find(({ purpose }) => purpose === 'note')!;
    const text = await readFile(file('note.key'), 'utf8');
    await keys.add('note');
    await keys.retire(first.id);
    await writeFile(file('note.key'), text, { mode: 0o600 });
    await load();
    expect(await readdir(join(dataDir, 'keys'))).not.toContain('note.key');
  });

  it('is its own where a tenant has one, and the others’ is not touched', async () => {
    const keys = await load();
    await keys.add('note', TENANT);
    expect(keys.verifierKeys(TENANT, ORIGIN)).toHaveLength(2);
    expect(keys.verifierKeys('other', 'assay.test/ledger/other')).toHaveLength(1);
    expect(await signerAt(keys, 1)).toBe(idOf(keys, 1));
  });

  it('is refused to be guessed when the file that says it is spoilt', async () => {
    await signerAt(await load(), 1);
    const path = join(dataDir, 'keys', 'ranges', TENANT);
    await writeFile(path, (await readFile(path, 'utf8')).replace('"from":0', '"from":3'));
    await expect(signerAt(await load(), 1)).rejects.toMatchObject({ code: 'AUDIT.KEY_UNREADABLE' });
  });
});

describe('AUDIT_SIGNING_KEY', () => {
  const [OLD, NEW] = ['o'.repeat(32), 'n'.repeat(40)];
  const ring = (...secrets: string[]): Record<string, string> => ({ AUDIT_SIGNING_KEY: JSON.stringify(secrets) });

  it('as a ring makes MACs with its first key and checks those of the others', async () => {
    const before = (await load({ AUDIT_SIGNING_KEY: OLD })).noteMac(TENANT, TEXT);
    const keys = await load(ring(NEW, OLD));
    const after = keys.noteMac(TENANT, TEXT);
    expect(after.keyId).not.toBe(before.keyId);
    expect(keys.noteMacHolds(TENANT, TEXT, before.mac, before.keyId)).toBe(true);
    expect(keys.noteMacHolds(TENANT, TEXT, after.mac, after.keyId)).toBe(true);
    expect(keys.noteMacHolds('other', TEXT, before.mac, before.keyId)).toBe(false);
    expect((await load(ring(NEW))).noteMacHolds(TENANT, TEXT, before.mac, before.keyId)).toBeUndefined();
  });

  it.each([
    ['AUDIT.SIGNING_KEY_SHORT', 'x'.repeat(31)],
    ['AUDIT.SIGNING_KEY_SHORT', JSON.stringify([NEW, 'short'])],
    ['AUDIT.SIGNING_KEY_INVALID', `["${NEW}",]`],
    ['AUDIT.SIGNING_KEY_INVALID', '[]'],
    ['AUDIT.SIGNING_KEY_INVALID', `["${NEW}", 7]`],
  ])('is refused with %s, without being shown', async (code, setting) => {
    const refused = load({ AUDIT_SIGNING_KEY: setting });
    await expect(refused).rejects.toMatchObject({ code });
    await expect(refused).rejects.toThrow(expect.not.stringContaining('nnnn') as string);
  });

  it('absent, the ring of the folder takes a new key and keeps the old', async () => {
    const keys = await load();
    const before = keys.noteMac(TENANT, TEXT);
    await keys.addMac();
    const next = await load();
    expect(next.noteMac(TENANT, TEXT).keyId).not.toBe(before.keyId);
    expect(next.noteMacHolds(TENANT, TEXT, before.mac, before.keyId)).toBe(true);
  });
});
