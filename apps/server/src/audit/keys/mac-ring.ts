import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { AuditError } from '../audit.errors.js';
import { keyFile, replaceFile } from './key-files.js';

const KEY_BYTES = 32;
const FILE = 'mac.ring';

/** Master keys of the MACs: new ones are made with `current`, older ones are checked with the others. */
export interface MacRing {
  current: string;
  keys: ReadonlyMap<string, Uint8Array>;
  /** Whether AUDIT_SIGNING_KEY says so; otherwise it is the file's, and ours to rotate. */
  fromSetting: boolean;
}

/**
 * AUDIT_SIGNING_KEY (one secret, or a JSON array of them, the current first), or else a ring made once in the key
 * folder: `{ "current": "<id>", "keys": { "<id>": "<base64>" } }`. Rejects with AUDIT.SIGNING_KEY_SHORT,
 * AUDIT.SIGNING_KEY_INVALID, AUDIT.KEY_UNREADABLE or AUDIT.KEY_PERMISSIONS.
 */
export async function macRing(folder: string, signingKey: string | undefined): Promise<MacRing> {
  if (signingKey !== undefined) return ringOfSetting(signingKey);
  const path = join(folder, FILE);
  const text = await keyFile(path, () => {
    const [id, key] = newMaster();
    return ringText(id, new Map([[id, key]]));
  });
  return parsedMacRing(text, path);
}

/** The ring of the file with one more key, which is current once this resolves. */
export async function rotatedMacRing(folder: string, ring: MacRing): Promise<MacRing> {
  const [id, key] = newMaster();
  const keys = new Map([...ring.keys, [id, key]]);
  await replaceFile(join(folder, FILE), ringText(id, keys));
  return { current: id, keys, fromSetting: false };
}

function ringOfSetting(setting: string): MacRing {
  const masters = secretsIn(setting).map((secret): [string, Uint8Array] => {
    const master = Buffer.from(secret, 'utf8');
    if (master.length < KEY_BYTES) {
      throw new AuditError(
        'AUDIT.SIGNING_KEY_SHORT',
        `AUDIT_SIGNING_KEY has ${master.length} bytes, expected ${KEY_BYTES} or more`,
      );
    }
    const id = createHash('sha256').update('assay mac ring\n').update(master).digest();
    return [createHash('sha256').update(id).digest('hex').slice(0, 16), master];
  });
  return { current: (masters[0] as [string, Uint8Array])[0], keys: new Map(masters), fromSetting: true };
}

/** A ring that was mistyped must not become a secret of its own, or every older MAC would be out of reach. */
function secretsIn(setting: string): string[] {
  if (!setting.trimStart().startsWith('[')) return [setting];
  try {
    const secrets = JSON.parse(setting) as unknown[];
    if (secrets.length > 0 && secrets.every((secret) => typeof secret === 'string')) return secrets;
  } catch {
    // Told below; the parser's message would show parts of the secrets.
  }
  throw new AuditError(
    'AUDIT.SIGNING_KEY_INVALID',
    'AUDIT_SIGNING_KEY begins with [, expected a JSON array of secrets, the current one first',
  );
}

function newMaster(): [string, Uint8Array] {
  return [randomBytes(8).toString('hex'), randomBytes(KEY_BYTES)];
}

const ringText = (current: string, keys: ReadonlyMap<string, Uint8Array>): string =>
  `${JSON.stringify({
    current,
    keys: Object.fromEntries([...keys].map(([id, key]) => [id, Buffer.from(key).toString('base64')])),
  })}\n`;

function parsedMacRing(text: string, path: string): MacRing {
  try {
    const { current, keys } = JSON.parse(text) as { current: string; keys: Record<string, string> };
    const ring = new Map(Object.entries(keys).map(([id, key]) => [id, Buffer.from(key, 'base64')]));
    const whole = [...ring.values()].every((key) => key.length === KEY_BYTES);
    if (whole && ring.has(current)) return { current, keys: ring, fromSetting: false };
  } catch (cause) {
    throw new AuditError('AUDIT.KEY_UNREADABLE', `${path} is not a key ring`, { cause });
  }
  throw new AuditError('AUDIT.KEY_UNREADABLE', `${path} does not hold its current key, of ${KEY_BYTES} bytes`);
}
