import { createHash } from 'node:crypto';
import { fingerprintOf, isKeyOf, keyHash, keyIdOf, newApiKey } from './api-key.js';
import { presentedKey } from './presented-key.js';
import { holds } from './scopes.js';

describe('an API key', () => {
  it('has an id, a secret of 256 bits, and is new every time', () => {
    const key = newApiKey();
    expect(key).toMatch(/^assay_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
    expect(Buffer.from(key.slice(-43), 'base64url')).toHaveLength(32);
    expect(newApiKey()).not.toBe(key);
  });

  it.each(['', 'assay_', 'assay_0123456789abcdef_short', 'ASSAY_0123456789abcdef_' + 'A'.repeat(43)])(
    'has no id in another form (%j)',
    (text) => expect(keyIdOf(text)).toBeUndefined(),
  );

  it('is known by its hash alone, and nobody is known by none', () => {
    const key = newApiKey();
    expect(isKeyOf(key, keyHash(key))).toBe(true);
    expect(isKeyOf(`${key}x`, keyHash(key))).toBe(false);
    expect(isKeyOf(key, undefined)).toBe(false);
  });

  it('is shown as the first 12 hex digits of its SHA-256', () => {
    const key = newApiKey();
    expect(fingerprintOf(keyHash(key))).toBe(createHash('sha256').update(key).digest('hex').slice(0, 12));
  });
});

describe('presentedKey', () => {
  it.each([
    [{}, { rejected: 'missing' }],
    [{ authorization: 'Bearer abc' }, { key: 'abc' }],
    [{ authorization: 'bearer  abc' }, { key: 'abc' }],
    [{ 'x-api-key': 'abc' }, { key: 'abc' }],
    [{ authorization: 'Bearer abc', 'x-api-key': 'abc' }, { key: 'abc' }],
    [{ authorization: 'Bearer abc', 'x-api-key': 'abd' }, { rejected: 'ambiguous' }],
    [{ authorization: 'Basic abc', 'x-api-key': 'abc' }, { rejected: 'malformed' }],
    [{ authorization: 'Bearer' }, { rejected: 'malformed' }],
    [{ authorization: 'Bearer a b' }, { rejected: 'malformed' }],
    [{ 'x-api-key': '' }, { rejected: 'malformed' }],
    [{ 'x-api-key': ['a', 'b'] }, { rejected: 'malformed' }],
    [{ 'x-api-key': 'x'.repeat(513) }, { rejected: 'malformed' }],
  ])('of %j is %j', (headers, expected) => {
    expect(presentedKey(headers)).toEqual(expected);
  });
});

describe('holds', () => {
  it.each([
    [['jobs:read#tenant/a'], true],
    [['admin:*#tenant/a'], true],
    [[], false],
    [['jobs:read'], false],
    [['jobs:write#tenant/a'], false],
    [['jobs:read#tenant/b', 'admin:*#tenant/b'], false],
    [['jobs:*#tenant/a', 'jobs:read#tenant/a1'], false],
  ])('%j for jobs:read of a is %s', (scopes, expected) => {
    expect(holds(scopes, 'jobs:read', 'a')).toBe(expected);
  });
});
