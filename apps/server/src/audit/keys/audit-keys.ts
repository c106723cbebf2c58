import { createHash, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { macKey, noteMac, noteSigner, verifierKey } from '#libs/ledger';
import type { NoteSigner, VerifierKey } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import type { EventSigner } from '../domain/sealed-event.js';
import { keyFile } from './key-files.js';

/** PKCS #8 of an Ed25519 private key up to its 32-byte seed (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const KEY_BYTES = 32;

interface MacRing {
  current: string;
  keys: ReadonlyMap<string, Uint8Array>;
}

/**
 * The service's own keys, from files of mode 0600 under `<data>/keys/`, made on the first start. Trusted: whoever
 * reads them can sign a history that never was; keep them, and the marks beside them, off the database's machine.
 */
export class AuditKeys {
  private readonly signers = new Map<string, NoteSigner>();

  private constructor(
    private readonly noteSeed: Uint8Array,
    private readonly notePublicKey: Uint8Array,
    readonly eventSigner: EventSigner,
    /** Public keys of the signatures of single events, by key id. */
    readonly eventKeys: ReadonlyMap<string, Uint8Array>,
    private readonly ring: MacRing,
  ) {}

  /** Rejects with AUDIT.KEY_UNREADABLE or AUDIT.SIGNING_KEY_SHORT. */
  static async load(dataDir: string, signingKey: string | undefined): Promise<AuditKeys> {
    const folder = join(dataDir, 'keys');
    const noteSeed = await seedIn(join(folder, 'note.key'));
    const eventSeed = await seedIn(join(folder, 'event.key'));
    const eventKey = publicKeyOf(eventSeed);
    const kid = shortDigest(eventKey);
    const ring = await macRing(folder, signingKey);
    const signer = { kid, seed: eventSeed };
    return new AuditKeys(noteSeed, publicKeyOf(noteSeed), signer, new Map([[kid, eventKey]]), ring);
  }

  /** The deployment's note key under the ledger's name. */
  noteSigner(origin: string): NoteSigner {
    const known = this.signers.get(origin);
    if (known) return known;
    const made = noteSigner(origin, this.noteSeed);
    this.signers.set(origin, made);
    return made;
  }

  /** The same key as others check it. */
  verifierKey(origin: string): VerifierKey {
    return verifierKey(origin, this.notePublicKey);
  }

  /** HMAC-SHA-256 over a note's text, with the id of the master key. Not evidence: whoever can check it can forge it. */
  noteMac(tenant: string, noteText: string): { keyId: string; mac: Uint8Array } {
    const keyId = this.ring.current;
    const master = this.ring.keys.get(keyId)!;
    return { keyId, mac: noteMac(macKey(master, { purpose: 'checkpoint', tenant, keyId }), noteText) };
  }
}

async function seedIn(path: string): Promise<Uint8Array> {
  const text = await keyFile(path, () => `${randomBytes(KEY_BYTES).toString('base64')}\n`);
  return keyBytes(text, path);
}

/** AUDIT_SIGNING_KEY, or a ring made once: `{ "current": "<id>", "keys": { "<id>": "<base64>" } }`. */
async function macRing(folder: string, signingKey: string | undefined): Promise<MacRing> {
  if (signingKey !== undefined) {
    const master = Buffer.from(signingKey, 'utf8');
    if (master.length < KEY_BYTES) {
      throw new AuditError(
        'AUDIT.SIGNING_KEY_SHORT',
        `AUDIT_SIGNING_KEY has ${master.length} bytes, expected 32 or more`,
      );
    }
    const id = shortDigest(createHash('sha256').update('assay mac ring\n').update(master).digest());
    return { current: id, keys: new Map([[id, master]]) };
  }
  const path = join(folder, 'mac.ring');
  const text = await keyFile(path, () => {
    const id = randomBytes(8).toString('hex');
    return `${JSON.stringify({ current: id, keys: { [id]: randomBytes(KEY_BYTES).toString('base64') } })}\n`;
  });
  return parsedRing(text, path);
}

function parsedRing(text: string, path: string): MacRing {
  try {
    const { current, keys } = JSON.parse(text) as { current: string; keys: Record<string, string> };
    const ring = new Map(Object.entries(keys).map(([id, key]) => [id, keyBytes(key, path)]));
    if (ring.has(current)) return { current, keys: ring };
  } catch (cause) {
    throw new AuditError('AUDIT.KEY_UNREADABLE', `${path} is not a key ring`, { cause });
  }
  throw new AuditError('AUDIT.KEY_UNREADABLE', `${path} does not hold its current key`);
}

function keyBytes(text: string, path: string): Uint8Array {
  const bytes = Buffer.from(text.trim(), 'base64');
  if (bytes.length === KEY_BYTES) return bytes;
  throw new AuditError('AUDIT.KEY_UNREADABLE', `${path} holds ${bytes.length} bytes, expected a key of ${KEY_BYTES}`);
}

function publicKeyOf(seed: Uint8Array): Uint8Array {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES);
}

/** 16 hex digits. */
const shortDigest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
