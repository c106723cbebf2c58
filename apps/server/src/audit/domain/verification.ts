import type { Verification } from '../verification/verification.types.js';

export const isOver = ({ state }: Pick<Verification, 'state'>): boolean => state !== 'queued' && state !== 'running';

/** Whether the ledger stood the test that was asked for; null until it is known. */
export function passed({ report, asked }: Pick<Verification, 'report' | 'asked'>): boolean | null {
  if (report === undefined) return null;
  return report.tier === 'anchored' || (report.tier === 'consistent' && !asked.require_anchor);
}
