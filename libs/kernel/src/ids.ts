import { createHash, randomBytes } from 'node:crypto';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** A new UUIDv7 (RFC 9562 §5.7) whose time is `unixMs` (milliseconds since the epoch). */
export function uuidv7(unixMs: number = Date.now()): string {
  return withTime(unixMs, randomBytes(10));
}

/**
 * The UUIDv7 that `name` makes of `source`: the same two give the same id, so a step that is repeated after a crash
 * names the same document or event. Keeps the time of `source`.
 */
export function derivedId(source: string, name: string): string {
  const tail = createHash('sha256').update(`${source}\n${name}`).digest().subarray(0, 10);
  return withTime(uuidv7Time(source), tail);
}

/** The time inside a UUIDv7, in milliseconds since the epoch. */
export function uuidv7Time(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

export function isUuidv7(id: string): boolean {
  return UUID_V7.test(id);
}

function withTime(unixMs: number, tail: Uint8Array): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(unixMs, 0, 6);
  bytes.set(tail, 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
