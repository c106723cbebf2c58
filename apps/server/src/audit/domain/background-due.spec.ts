import fc from 'fast-check';
import { backgroundDueAt } from './background-due.js';

const HOUR = 3_600_000;
const since = new Date('2026-11-01T00:00:00.000Z');
const finished_at = new Date('2026-11-05T00:00:00.000Z');

describe('backgroundDueAt', () => {
  it('lies in the second half of the hours, after the last run or the first entry', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]{1,20}$/), fc.integer({ min: 1, max: 8_760 }), (tenant, hours) => {
        const first = backgroundDueAt(tenant, { hours, since, last: null }) - since.getTime();
        const next = backgroundDueAt(tenant, { hours, since, last: { state: 'done', finished_at } });
        expect(first).toBeGreaterThanOrEqual((hours * HOUR) / 2);
        expect(first).toBeLessThanOrEqual(hours * HOUR);
        expect(next - finished_at.getTime()).toBe(first);
      }),
    );
  });

  it('is another for another tenant', () => {
    const due = ['a', 'b', 'c', 'd'].map((tenant) => backgroundDueAt(tenant, { hours: 24, since, last: null }));
    expect(new Set(due).size).toBe(4);
  });

  it('comes within the hour after a run that could not end', () => {
    const due = backgroundDueAt('acme', { hours: 24, since, last: { state: 'failed', finished_at } });
    expect(due - finished_at.getTime()).toBeLessThanOrEqual(HOUR);
  });
});
