import type { ReportSummary } from '../conversion.types.js';
import type { AttemptError } from './task.js';

/** The part of a driver's report that the queue reads. */
export interface ReportFigures {
  accuracy: {
    outputs: { snrDb: number | null; exact: boolean; cosine: number | null }[];
    verdict: ReportSummary['verdict'];
  };
  size: { ratio: number };
}

const VERDICTS: readonly unknown[] = ['good', 'review', 'poor', 'collapsed'];

/** The worst output decides. Throws a TypeError when the child sent something else than a report. */
export function reportSummary({ accuracy, size }: ReportFigures): ReportSummary {
  const snr = finite(accuracy.outputs.map(({ snrDb }) => snrDb));
  const cosine = finite(accuracy.outputs.map((output) => output.cosine));
  if (!VERDICTS.includes(accuracy.verdict) || !Number.isFinite(size.ratio)) throw new TypeError('not a report');
  return {
    snr_db: snr.length > 0 ? Math.min(...snr) : null,
    exact: accuracy.outputs.every(({ exact }) => exact),
    cosine: cosine.length > 0 ? Math.min(...cosine) : null,
    size_ratio: size.ratio,
    verdict: accuracy.verdict,
  };
}

/** What a child that ended without a result means. Only a crash may pass: limits would be met again. */
export function endingError(
  why: 'time_limit' | 'memory_limit' | 'output_limit' | 'crashed',
  detail: string,
): Omit<AttemptError, 'stage'> {
  if (why === 'crashed') {
    return {
      class: 'internal',
      code: 'child_crashed',
      message: `the conversion process ended: ${detail}`,
      retryable: true,
    };
  }
  return { class: 'resource', code: why, message: `the conversion was ended: ${detail}`, retryable: false };
}

function finite(values: (number | null)[]): number[] {
  return values.filter((value): value is number => typeof value === 'number' && Number.isFinite(value));
}
