import { retentionDaysOf, retiredFrom } from './retention-days.js';

describe('retentionDaysOf', () => {
  it.each([
    [['0'], 'acme', 0],
    [[], 'acme', 0],
    [['365'], 'acme', 365],
    [['365', 'acme=30'], 'acme', 30],
    [['acme=30', '365'], 'acme', 30],
    [['acme=30'], 'other', 0],
    [['365', 'acme=0'], 'acme', 0],
    [['acme=30', 'acme=40'], 'acme', 40],
    [['acme=30', '365'], 'acme-2', 365],
  ])('of %j is for %s %d', (setting, tenant, days) => {
    expect(retentionDaysOf(setting, tenant)).toBe(days);
  });
});

describe('retiredFrom', () => {
  const batch = { maxTs: '2026-01-10T00:00:00.000Z', archivedAt: new Date('2026-04-11T00:00:00.000Z') };

  it('counts from the newest event', () => {
    expect(retiredFrom(batch, 10)).toEqual(new Date('2026-01-20T00:00:00.000Z'));
  });

  it('is never for no retention', () => {
    expect(retiredFrom(batch, 0)).toBeUndefined();
  });

  it('is not put off by a clock that is ahead', () => {
    expect(retiredFrom({ ...batch, maxTs: '2099-01-01T00:00:00.000Z' }, 10)).toEqual(
      new Date('2026-04-21T00:00:00.000Z'),
    );
  });
});
