import { ObjectId, serialize } from 'bson';
import fc from 'fast-check';
import { Bytes, decodeValue, findElement } from './bson-read.js';
import { compareValues, comparableKey, KeyWriter } from './key-encoding.js';

const scalar = fc.oneof(
  fc.constant(null),
  fc.double(),
  fc.integer(),
  fc.string({ unit: 'binary' }),
  fc.boolean(),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 6 }).map((bytes) => new Bytes(Buffer.from(bytes))),
  fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => new ObjectId(bytes)),
);
const value = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(
    fc.string({ maxLength: 2 }).filter((name) => name !== '__proto__'),
    scalar,
    { maxKeys: 3 },
  ),
);

/** The manual's order of types, reference/bson-type-comparison-order; written apart from the code under test. */
function rank(of: unknown): number {
  if (of === null) return 1;
  if (typeof of === 'number') return 2;
  if (typeof of === 'string') return 3;
  if (Array.isArray(of)) return 5;
  if (of instanceof Bytes) return 6;
  if (of instanceof ObjectId) return 7;
  if (typeof of === 'boolean') return 8;
  return of instanceof Date ? 9 : 4;
}

function expectedOrder(a: unknown, b: unknown): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (typeof a === 'number' && typeof b === 'number') {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
    return a < b ? -1 : a > b ? 1 : 0;
  }
  if (typeof a === 'string' && typeof b === 'string') return Buffer.from(a).compare(Buffer.from(b));
  if (typeof a === 'boolean') return Number(a) - Number(b);
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime();
  if (a instanceof ObjectId && b instanceof ObjectId) return Buffer.from(a.id).compare(b.id);
  if (a instanceof Bytes && b instanceof Bytes) {
    return a.position - b.position || a.sub_type - b.sub_type || Buffer.from(a.value()).compare(b.value());
  }
  if (Array.isArray(a) && Array.isArray(b)) return listOrder(a, b, expectedOrder);
  if (a === null) return 0;
  return listOrder(Object.entries(a as object), Object.entries(b as object), ([m, x], [n, y]) => {
    return rank(x) - rank(y) || Buffer.from(m).compare(Buffer.from(n)) || expectedOrder(x, y);
  });
}

function listOrder<T>(a: T[], b: T[], order: (x: T, y: T) => number): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const found = order(a[at]!, b[at]!);
    if (found !== 0) return found;
  }
  return a.length - b.length;
}

describe('keys of values', () => {
  it('order as MongoDB orders the values', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(Math.sign(comparableKey(a).compare(comparableKey(b)))).toBe(Math.sign(expectedOrder(a, b)) + 0);
        expect(Math.sign(compareValues(a, b)) + 0).toBe(Math.sign(expectedOrder(a, b)) + 0);
      }),
      { numRuns: 2000 },
    );
  });

  it('turn around when descending', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const ascending = Math.sign(comparableKey(a).compare(comparableKey(b)));
        expect(Math.sign(comparableKey(a, true).compare(comparableKey(b, true))) + ascending).toBe(0);
      }),
    );
  });

  it('follow one another: the first field decides, then the second', () => {
    const keyOf = (a: unknown, b: unknown): Buffer => new KeyWriter().value(a).value(b, true).take();
    fc.assert(
      fc.property(scalar, scalar, scalar, scalar, (a, b, c, d) => {
        const expected = expectedOrder(a, c) || expectedOrder(d, b);
        expect(Math.sign(keyOf(a, b).compare(keyOf(c, d))) + 0).toBe(Math.sign(expected) + 0);
      }),
      { numRuns: 2000 },
    );
  });

  it('are refused with 17280 when LMDB could not hold them', () => {
    expect(() => new KeyWriter().value('x'.repeat(2000)).take()).toThrow(expect.objectContaining({ code: 17280 }));
  });
});

describe('KeyWriter.element', () => {
  it('makes of what is stored the key that its value has', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constant('a\0b'));
    fc.assert(
      fc.property(fc.oneof(text, scalar), fc.boolean(), (stored, descending) => {
        const doc = Buffer.from(serialize({ before: 'x', stored }));
        const { type, at } = findElement(doc, 0, Buffer.from('stored'))!;
        const expected = new KeyWriter()
          .reset()
          .value(decodeValue(doc, type, at), descending)
          .copy();
        expect(new KeyWriter().reset().element(doc, type, at, descending).copy()).toEqual(expected);
      }),
    );
  });
});
