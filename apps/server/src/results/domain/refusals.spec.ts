import { Refusals } from './refusals.js';

describe('Refusals', () => {
  it('tells the first of a key in an hour, and the first of the next', () => {
    const refusals = new Refusals();
    expect(refusals.isFirst('a', 0)).toBe(true);
    expect(refusals.isFirst('a', 3_599_999)).toBe(false);
    expect(refusals.isFirst('b', 3_599_999)).toBe(true);
    expect(refusals.isFirst('a', 3_600_000)).toBe(true);
    expect(refusals.isFirst('a', 3_600_001)).toBe(false);
  });
});
