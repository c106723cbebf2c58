import fc from 'fast-check';
import { join, normalize } from 'node:path';

import { assertKeyPrefix, objectKeyFault } from './object-key.js';

const good = fc.oneof(
  fc.constantFrom(...'abcxyz019_=+-'),
  fc.stringMatching(/^[a-z0-9_=+-][a-z0-9._=+-]{0,30}[a-z0-9_=+-]$/),
);
const goodKey = fc.array(good, { minLength: 1, maxLength: 8 }).map((segments) => segments.join('/'));

/** Strings made mostly of what has led programs astray. */
const nasty = fc
  .array(fc.oneof(good, fc.constantFrom('..', '.', '/', '\\', '\0', '', ' ', '@', '%2e', 'É', 'ſ', 'A', '~', '\n')), {
    maxLength: 8,
  })
  .chain((pieces) => fc.constantFrom('', '/').map((separator) => pieces.join(separator)));

describe('objectKeyFault', () => {
  it('finds none in keys of the alphabet', () => {
    fc.assert(fc.property(goodKey, (key) => objectKeyFault(key) === undefined));
  });

  it('accepts the keys the product uses', () => {
    for (const key of [
      'tenants/acme/jobs/0196b0a4-1a2b-7000-8000-000000000000/output/out.kref.zip',
      'tenants/t1/ledger/archive/2026/11/21/0-255-0123456789abcdef.jsonl.gz',
      'logs/2026/11/21/acme.ndjson.sha256',
    ]) {
      expect(objectKeyFault(key)).toBeUndefined();
    }
  });

  it.each([
    ['..', 'a/../b'],
    ['.', './a'],
    ['an empty segment', 'a//b'],
    ['a leading slash', '/a'],
    ['a trailing slash', 'a/'],
    ['a backslash', 'a\\..\\b'],
    ['NUL', 'a\0'],
    ['a line break', 'a\n'],
    ['upper case', 'tenants/Acme'],
    ['a letter that lower-cases into ASCII', 'tenants/\u212Aelvin'],
    ['a leading dot', 'tenants/.sha256'],
    ['a trailing dot', 'tenants/a.'],
    ["the file store's own suffix", 'a@object'],
    ['too long a segment', 'a'.repeat(201)],
    ['too long a key', 'a/'.repeat(256) + 'a'],
    ['nothing', ''],
  ])('finds one in a key with %s', (_what, key) => {
    expect(objectKeyFault(key)).toBeDefined();
  });

  it('lets no key out of its folder, nor two keys be one name on a disk that ignores case', () => {
    fc.assert(
      fc.property(nasty, nasty, (one, other) => {
        fc.pre(objectKeyFault(one) === undefined);
        expect(normalize(join('/store', one))).toBe(`/store/${one}`);
        expect(one).toMatch(/^[\x21-\x7e]+$/);
        if (objectKeyFault(other) === undefined && one !== other) {
          expect(one.normalize('NFKC').toUpperCase()).not.toBe(other.normalize('NFKC').toUpperCase());
        }
      }),
    );
  });
});

describe('assertKeyPrefix', () => {
  it('accepts every beginning of a key', () => {
    fc.assert(
      fc.property(goodKey, fc.nat(), (key, cut) => {
        expect(() => assertKeyPrefix(key.slice(0, cut % (key.length + 1)))).not.toThrow();
      }),
    );
  });
});
