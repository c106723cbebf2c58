import { isUuidv7, uuidv7Time } from '#libs/kernel';
import { hourlyId } from './coalesced.js';

describe('hourlyId', () => {
  const now = Date.UTC(2026, 10, 21, 10, 30);

  it('is the same all through the hour, and a UUIDv7 of its beginning', () => {
    expect(hourlyId(now, 'a', 'b')).toBe(hourlyId(now + 29 * 60_000, 'a', 'b'));
    expect(isUuidv7(hourlyId(now, 'a', 'b'))).toBe(true);
    expect(uuidv7Time(hourlyId(now, 'a', 'b'))).toBe(Date.UTC(2026, 10, 21, 10));
  });

  it('differs by hour and by every name, however the names are split', () => {
    const ids = [
      hourlyId(now, 'a', 'b'),
      hourlyId(now + 30 * 60_000, 'a', 'b'),
      hourlyId(now, 'a', 'c'),
      hourlyId(now, 'ab'),
      hourlyId(now, 'a', 'b', ''),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });
});
