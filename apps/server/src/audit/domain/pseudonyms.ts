import type { LedgerEvent } from '#libs/ledger';

const PSEUDONYM = /^[0-9a-f]{64}$/;

/** What in these events may be a pseudonym, each once; digests look the same and are nobody's. */
export function pseudonymsIn(events: readonly (LedgerEvent | null)[]): string[] {
  const said = events.flatMap((event) => (event ? [event.actor.id, ...Object.values(event.data ?? {})] : []));
  return [...new Set(said.flat().filter((value) => typeof value === 'string' && PSEUDONYM.test(value)))] as string[];
}
