import { createHash, randomBytes } from 'node:crypto';
import { ArchiveError } from './archive.errors.js';
import type { ArchiveKeyRing } from './archive.types.js';

const KEY_BYTES = 32;

/**
 * The ring with one more key, which is current; the older ones stay, for the batches under them. Without a ring: a first
 * one.
 */
export function rotatedArchiveRing(ring?: ArchiveKeyRing): ArchiveKeyRing {
  const key = randomBytes(KEY_BYTES);
  return ringOf(idOf(key), [...keysOf(ring), [idOf(key), key]]);
}

/** `{ "current": "<id>", "keys": { "<id>": "<base64 of 32 bytes>" } }` and a newline. A secret: for a file of mode 0600. */
export function archiveRingText(ring: ArchiveKeyRing): string {
  const keys = Object.fromEntries(keysOf(ring).map(([id, key]) => [id, Buffer.from(key).toString('base64')]));
  return `${JSON.stringify({ current: ring.current, keys })}\n`;
}

/** Throws RING_FORM for a text that is no ring, lacks its current key or holds a key under another's id. */
export function parsedArchiveRing(text: string): ArchiveKeyRing {
  const { current, keys } = ringJson(text);
  const parsed = Object.entries(keys).map(([id, base64]): [string, Buffer] => [id, Buffer.from(base64, 'base64')]);
  for (const [id, key] of parsed) {
    if (key.length !== KEY_BYTES) throw noRing(`a key of ${KEY_BYTES} bytes as ${id}, found ${key.length}`);
    if (idOf(key) !== id) throw noRing(`the key ${id} under its id, found ${idOf(key)}`);
  }
  if (!parsed.some(([id]) => id === current)) throw noRing('its current key in it');
  return ringOf(current, parsed);
}

function ringJson(text: string): { current: string; keys: Record<string, string> } {
  try {
    const ring = JSON.parse(text) as { current: string; keys: Record<string, string> };
    if (Object.values(ring.keys).every((key) => typeof key === 'string')) return ring;
  } catch {
    // Told below; the parser's message would show parts of the keys.
  }
  throw noRing('{"current", "keys"}');
}

function ringOf(current: string, keys: readonly [string, Uint8Array][]): ArchiveKeyRing {
  const byId = new Map(keys);
  return { current, ids: [...byId.keys()], key: (id) => byId.get(id) };
}

const keysOf = (ring: ArchiveKeyRing | undefined): [string, Uint8Array][] =>
  (ring?.ids ?? []).map((id) => [id, ring?.key(id) as Uint8Array]);

/** Tells a key from others and nothing about it: 16 hex digits of a hash of its hash. */
function idOf(key: Uint8Array): string {
  const digest = createHash('sha256').update('assay archive ring\n').update(key).digest();
  return createHash('sha256').update(digest).digest('hex').slice(0, 16);
}

const noRing = (expected: string): ArchiveError =>
  new ArchiveError('ARCHIVE.RING_FORM', `expected a ring of archive keys with ${expected}`);
