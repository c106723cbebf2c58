import fc from 'fast-check';
import { BatchCache, type Sized } from './batch-cache.js';

const LIMITS = { bytes: 100, loads: 2 };
const sized = (memory: number): Sized => ({ memory });

/** A load that ends when it is told to. */
function gate(): { load: () => Promise<Sized>; end: (value: Sized) => void; fail: (error: Error) => void } {
  let end!: (value: Sized) => void;
  let fail!: (error: Error) => void;
  const promise = new Promise<Sized>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  return { load: () => promise, end, fail };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('BatchCache', () => {
  it('lets readers of one key at one time share one load', async () => {
    const cache = new BatchCache(LIMITS);
    const { load, end } = gate();
    const loads = jest.fn(load);
    const readers = [cache.get('a', loads), cache.get('a', loads), cache.get('a', loads)];
    const value = sized(10);
    end(value);
    for (const read of await Promise.all(readers)) expect(read).toBe(value);
    expect(await cache.get('a', loads)).toBe(value);
    expect(loads).toHaveBeenCalledTimes(1);
  });

  it('tells a failed load to all who share it and keeps nothing of it', async () => {
    const cache = new BatchCache(LIMITS);
    const { load, fail } = gate();
    const readers = [cache.get('a', load), cache.get('a', load)];
    fail(new Error('gone'));
    for (const reader of readers) await expect(reader).rejects.toThrow('gone');
    const value = sized(1);
    expect(await cache.get('a', () => Promise.resolve(value))).toBe(value);
  });

  it('drops what was used longest ago, and hands out but does not keep what is too large', async () => {
    const cache = new BatchCache(LIMITS);
    const loads: string[] = [];
    const read = (key: string, memory: number): Promise<Sized> =>
      cache.get(key, () => {
        loads.push(key);
        return Promise.resolve(sized(memory));
      });
    for (const key of ['a', 'b', 'a', 'c']) await read(key, 40);
    expect(loads).toEqual(['a', 'b', 'c']);
    expect((await read('large', 101)).memory).toBe(101);
    await read('a', 40);
    await read('b', 40);
    expect(loads).toEqual(['a', 'b', 'c', 'large', 'b']);
  });

  it('runs so many loads at a time and no more', async () => {
    const cache = new BatchCache(LIMITS);
    const gates = [gate(), gate(), gate(), gate()];
    const begun: number[] = [];
    const reads = gates.map(({ load }, i) =>
      cache.get(`${i}`, () => {
        begun.push(i);
        return load();
      }),
    );
    await turn();
    expect(begun).toEqual([0, 1]);
    gates[1]!.fail(new Error('gone'));
    await expect(reads[1]).rejects.toThrow('gone');
    await turn();
    expect(begun).toEqual([0, 1, 2]);
    for (const { end } of gates) end(sized(1));
    await turn();
    expect(begun).toEqual([0, 1, 2, 3]);
    await Promise.all([reads[0], reads[2], reads[3]]);
  });

  it('never keeps more than it may, and always gives what was loaded for the key', async () => {
    const asked = fc.record({ key: fc.integer({ min: 0, max: 9 }), memory: fc.integer({ min: 0, max: 120 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(asked, { maxLength: 60 }), async (reads) => {
        const cache = new BatchCache<Sized & { of: number }>(LIMITS);
        for (const { key, memory } of reads) {
          const value = await cache.get(`${key}`, () => Promise.resolve({ memory, of: key }));
          expect(value.of).toBe(key);
          expect(cache.memory).toBeLessThanOrEqual(LIMITS.bytes);
        }
      }),
    );
  });
});
