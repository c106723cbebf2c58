import fc from 'fast-check';
import type { DriverEvent } from '../driver/driver.types.js';
import { STAGES } from '../driver/driver.types.js';
import { backOffMs } from './back-off.js';
import { endingError, reportSummary } from './outcome.js';
import { progressAfter } from './progress.js';

const output = { snrDb: 30, exact: false, cosine: 0.99 };
const report = (outputs: (typeof output | { snrDb: null; exact: boolean; cosine: null })[]) => ({
  accuracy: { outputs, verdict: 'good' as const },
  size: { ratio: 3 },
});

describe('reportSummary', () => {
  it('is that of the worst output', () => {
    const worse = { snrDb: 12, exact: false, cosine: 0.9 };
    expect(reportSummary(report([output, worse]))).toMatchObject({ snr_db: 12, cosine: 0.9, exact: false });
  });

  it('has no decibels when every output is exact', () => {
    const same = { snrDb: null, exact: true, cosine: null };
    expect(reportSummary(report([same, same]))).toMatchObject({ snr_db: null, cosine: null, exact: true });
  });

  it('is refused for what is no report', () => {
    expect(() => reportSummary({ ...report([output]), size: { ratio: Number.NaN } })).toThrow(TypeError);
    expect(() => reportSummary({} as never)).toThrow(TypeError);
  });
});

describe('endingError', () => {
  it('lets a crash be tried again, and no limit', () => {
    expect(endingError('crashed', 'SIGSEGV').retryable).toBe(true);
    for (const why of ['time_limit', 'memory_limit', 'output_limit'] as const) {
      expect(endingError(why, '')).toMatchObject({ class: 'resource', code: why, retryable: false });
    }
  });
});

describe('backOffMs', () => {
  it('doubles up to a minute, and at least half of it is certain', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, random) => {
          const full = Math.min(60_000, 2_000 * 2 ** (attempt - 1));
          expect(backOffMs(attempt, random)).toBeGreaterThanOrEqual(full / 2);
          expect(backOffMs(attempt, random)).toBeLessThanOrEqual(full);
        },
      ),
    );
  });
});

describe('progressAfter', () => {
  it('grows from 0 to 1 through the stages', () => {
    const events: DriverEvent[] = STAGES.flatMap((stage) => [
      { t: 'stage', stage, state: 'start' },
      { t: 'progress', stage, done: 1, total: 2 },
      { t: 'stage', stage, state: 'done' },
    ]);
    const told = events.map((event) => progressAfter(event)!);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect([told[0], told.at(-1)]).toEqual([0, 1]);
  });

  it('says nothing of other events', () => {
    expect(progressAfter({ t: 'log', stream: 'stdout', line: '' })).toBeNull();
    expect(progressAfter({ t: 'progress', stage: 'verify', done: 0, total: 0 })).toBeNull();
  });
});
