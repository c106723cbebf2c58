import { casesOf, holdsSpan, holdsSubject } from './legal-hold.js';

const [may, june, july, august] = [5, 6, 7, 8].map((month) => `2026-0${month}-01T00:00:00.000Z`) as [
  string,
  string,
  string,
  string,
];

describe('holdsSpan', () => {
  it.each([
    ['no limits', {}, true],
    ['a beginning before its end', { since: june }, true],
    ['a beginning at its last event', { since: july }, true],
    ['a beginning after it', { since: august }, false],
    ['an end after it', { until: august }, true],
    ['an end at its first event', { until: june }, false],
    ['an end before it', { until: may }, false],
    ['both around it', { since: may, until: august }, true],
  ])('of a hold with %s', (_what, hold, held) => {
    expect(holdsSpan(hold, { minTs: june, maxTs: july })).toBe(held);
  });
});

describe('holdsSubject', () => {
  const person = { pseudonym: 'a', since: new Date(june) };
  it.each([
    ['everyone', {}, true],
    ['the person', { subjects: ['b', 'a'] }, true],
    ['another', { subjects: ['b'] }, false],
    ['everyone up to later', { until: july }, true],
    ['everyone up to before the person had a key', { until: may }, false],
    ['the person up to before it had a key', { subjects: ['a'], until: june }, false],
  ])('of a hold on %s', (_what, hold, held) => {
    expect(holdsSubject(hold, person)).toBe(held);
  });
});

describe('casesOf', () => {
  it('names each case once, in order', () => {
    expect(casesOf([{ case_id: 'b' }, { case_id: 'a' }, { case_id: 'b' }])).toEqual(['a', 'b']);
  });
});
