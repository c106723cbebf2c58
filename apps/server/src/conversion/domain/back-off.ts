const FIRST_MS = 2_000;
const LONGEST_MS = 60_000;

/**
 * How long to wait after the `attempt`-th attempt (from 1): doubling, with the lower half random so that tasks that
 * failed together do not return together. `random` is in [0, 1).
 */
export function backOffMs(attempt: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, attempt - 1));
  return Math.round(full * (0.5 + random / 2));
}
