import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { cosigner, LedgerError, verifierKey } from '#libs/ledger';
import type { NoteSigner, VerifierKey } from '#libs/ledger';
import { newFile } from './new-file.js';
import { WitnessError } from './witness.errors.js';

/** `PRIVATE+KEY+<name>+<key id>+<base64(0x04 ‖ seed)>`, as Go's golang.org/x/mod/sumdb/note writes private keys. */
const KEY_FILE = /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})\n$/;
const COSIGNATURE = 0x04;
/** PKCS #8 of an Ed25519 private key up to its 32-byte seed (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

export interface WitnessKey {
  verifierKey: VerifierKey;
  /** Cosigns at this time, in seconds since 1970. */
  signer(time: number): NoteSigner;
}

/**
 * The key in the file, made under `name` when there is no file yet (0600). Whoever reads it can cosign as this
 * witness. Rejects with WITNESS.NAME_INVALID, KEY_EXPOSED or KEY_UNREADABLE.
 */
export async function witnessKey(path: string, name: string): Promise<WitnessKey & { made: boolean }> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const made = await newFile(path, keyText(name));
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) {
    const found = (mode & 0o777).toString(8);
    throw new WitnessError('WITNESS.KEY_EXPOSED', `expected mode 600 for ${path}, found ${found}`);
  }
  return { ...parsedKey(await readFile(path, 'utf8'), path), made };
}

function keyText(name: string): string {
  const seed = randomBytes(32);
  const { keyId } = publicHalf(name, seed);
  const encoded = Buffer.concat([Buffer.of(COSIGNATURE), seed]).toString('base64');
  return `PRIVATE+KEY+${name}+${keyId}+${encoded}\n`;
}

function parsedKey(text: string, path: string): WitnessKey {
  const [, name, keyId, encoded] = KEY_FILE.exec(text) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (name !== undefined && bytes.length === 33 && bytes[0] === COSIGNATURE) {
    const seed = Uint8Array.from(bytes.subarray(1));
    const key = publicHalf(name, seed);
    if (key.keyId === keyId) return { verifierKey: key, signer: (time) => cosigner(name, seed, time) };
  }
  throw new WitnessError('WITNESS.KEY_UNREADABLE', `${path} is not the key file of a witness`);
}

function publicHalf(name: string, seed: Uint8Array): VerifierKey {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
  try {
    return verifierKey(name, Uint8Array.from(publicKey), 'cosignature/v1');
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw new WitnessError('WITNESS.NAME_INVALID', `a witness's name has no space or plus, found "${name}"`, { cause });
  }
}
