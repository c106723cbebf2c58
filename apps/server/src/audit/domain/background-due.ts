import { createHash } from 'node:crypto';
import type { Verification } from '../verification/verification.types.js';

const HOUR_MS = 3_600_000;

/**
 * When a ledger is to be verified in the background next, in milliseconds: within `hours`, each ledger at its own time
 * of the second half, so that they do not all come at once. A run that could not end is tried again within the hour.
 */
export function backgroundDueAt(
  tenant: string,
  { hours, since, last }: { hours: number; since: Date; last: Pick<Verification, 'state' | 'finished_at'> | null },
): number {
  const share = createHash('sha256').update(tenant).digest().readUInt32BE(0) / 2 ** 32;
  const wait = hours * HOUR_MS * (0.5 + share / 2);
  if (last?.finished_at === undefined) return since.getTime() + wait;
  return last.finished_at.getTime() + (last.state === 'done' ? wait : Math.min(wait, HOUR_MS * share));
}
