import { archiveRingText, parsedArchiveRing, rotatedArchiveRing } from './archive-ring.js';

const ring = rotatedArchiveRing();
const [id] = ring.ids as [string];
const { keys } = JSON.parse(archiveRingText(ring)) as { keys: Record<string, string> };
const SECRET = keys[id]!;

describe('a ring of archive keys that is not whole', () => {
  it.each([
    ['no JSON', `{"current":"${id}","keys":{"${id}":"${SECRET}"`],
    ['no keys', `{"current":"${id}"}`],
    ['null', 'null'],
    ['a key that is no text', JSON.stringify({ current: id, keys: { [id]: 7 } })],
    ['a short key', JSON.stringify({ current: id, keys: { [id]: SECRET.slice(4) } })],
    ['a key under another id', JSON.stringify({ current: 'ab', keys: { ab: SECRET } })],
    ['another current key', JSON.stringify({ current: 'ab', keys })],
  ])('is refused with ARCHIVE.RING_FORM when it has or is %s, without showing a key', (_, text) => {
    expect(() => parsedArchiveRing(text)).toThrow(expect.objectContaining({ code: 'ARCHIVE.RING_FORM' }) as Error);
    expect(() => parsedArchiveRing(text)).toThrow(expect.not.stringContaining(SECRET.slice(4, 20)) as string);
  });
});
