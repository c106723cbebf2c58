const DAY_MS = 86_400_000;

/**
 * For how many days the archived events of this tenant are kept, 0 for ever: of AUDIT_RETENTION_DAYS what it says of the
 * tenant, or else of all; of two that say so, the later one.
 */
export function retentionDaysOf(setting: readonly string[], tenant: string): number {
  const of = (name: string): string | undefined =>
    setting.findLast((part) => (part.includes('=') ? part.slice(0, part.indexOf('=')) : '') === name);
  const found = of(tenant) ?? of('') ?? '0';
  return Number(found.slice(found.indexOf('=') + 1));
}

/**
 * From when on a batch may be retired: so many days after the newest of its events happened. A producer's clock that is
 * ahead counts only up to when the batch was archived. Undefined: never.
 */
export function retiredFrom(
  { maxTs, archivedAt }: { maxTs: string; archivedAt: Date },
  days: number,
): Date | undefined {
  if (days === 0) return undefined;
  return new Date(Math.min(Date.parse(maxTs), archivedAt.getTime()) + days * DAY_MS);
}
