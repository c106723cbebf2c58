import { Metrics } from '#libs/telemetry';
import type { LedgerFreshness } from './ledger-freshness.js';
import { VerificationMetrics } from './verification-metrics.js';

const HOUR = 3_600_000;
const ago = (hours: number): Date => new Date(Date.now() - hours * HOUR);

function ledger(tenant: string, hours: number, tier: 'broken' | 'consistent' = 'consistent'): LedgerFreshness {
  const last = { _id: tenant, verification: 'x', tier, size: 1, breaks: 0, verified_at: ago(hours) };
  return { tenant, since: ago(1_000), last };
}

describe('VerificationMetrics', () => {
  const shown = async (ledgers: LedgerFreshness[], breaks: object[] = []): Promise<string> => {
    const metrics = new Metrics({ enabled: false });
    const freshness = { all: () => Promise.resolve(ledgers) };
    const queries = { execute: () => Promise.resolve({ suspended: [], checkpoint_age_ms: 1_500 }) } as never;
    const told = new VerificationMetrics(metrics, freshness, queries, { audit: { verifyHours: 24 } });
    told.ended({ tier: 'broken', breaks: breaks as never });
    return metrics.text();
  };
  const valueOf = (text: string, series: string): number =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
        ?.slice(series.length + 1),
    );

  it('tell the oldest of all ledgers, how many are stale, and how many are broken', async () => {
    const text = await shown([ledger('a', 1), ledger('b', 25, 'broken'), ledger('c', 30)]);
    expect(valueOf(text, 'assay_ledger_verification_age_seconds')).toBeCloseTo(30 * 3_600, -2);
    expect(valueOf(text, 'assay_ledger_verifications_stale')).toBe(2);
    expect(valueOf(text, 'assay_ledger_broken')).toBe(1);
    expect(valueOf(text, 'assay_ledger_checkpoint_age_seconds')).toBe(1.5);
  });

  it('take a ledger that was never verified by its age', async () => {
    const text = await shown([{ tenant: 'a', since: ago(48), last: undefined }]);
    expect(valueOf(text, 'assay_ledger_verification_age_seconds')).toBeCloseTo(48 * 3_600, -2);
    expect(valueOf(text, 'assay_ledger_verifications_stale')).toBe(1);
  });

  it('count breaks by class', async () => {
    const text = await shown([], [{ class: 'edited' }, { class: 'edited' }, { class: 'deleted' }]);
    expect(valueOf(text, 'assay_ledger_breaks_total{class="edited"}')).toBe(2);
    expect(valueOf(text, 'assay_ledger_verifications_total{tier="broken"}')).toBe(1);
  });

  it('have as many series for a thousand tenants as for one', async () => {
    const series = (text: string): number => text.split('\n').filter((line) => line && !line.startsWith('#')).length;
    const many = Array.from({ length: 1_000 }, (_, i) => ledger(`tenant-${i}`, i % 40));
    expect(series(await shown(many))).toBe(series(await shown([ledger('a', 1)])));
  });
});
