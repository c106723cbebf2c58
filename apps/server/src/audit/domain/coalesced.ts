import { derivedId } from '#libs/kernel';

const HOUR_MS = 3_600_000;

/**
 * The id of the one event that stands for all of its kind within the hour of `now` (milliseconds): every process and
 * every restart makes the same, so the ledger keeps one.
 */
export function hourlyId(now: number, ...names: readonly string[]): string {
  const hour = Math.floor(now / HOUR_MS) * HOUR_MS;
  const hex = hour.toString(16).padStart(12, '0');
  return derivedId(`${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`, JSON.stringify(names));
}
