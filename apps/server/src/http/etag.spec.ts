import { isKnownTag } from './etag.js';

describe('isKnownTag', () => {
  it.each([
    ['"a"', true],
    ['W/"a"', true],
    ['"b", "a"', true],
    ['*', true],
    ['"b"', false],
    ['a', false],
    [undefined, false],
  ])('of %s is %s', (given, known) => {
    expect(isKnownTag(given, '"a"')).toBe(known);
  });
});
