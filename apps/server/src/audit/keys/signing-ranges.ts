import { AuditError } from '../audit.errors.js';

/** From which size of a ledger on a key signs, up to where the next one begins. */
export interface SigningRange {
  /** Of the key, in the ring. */
  id: string;
  /** First size it signs. */
  from: number;
}

/** Which key signs which size of one ledger: without gap or overlap, so that a size has one key, and always one. */
export interface SigningRanges {
  note: SigningRange[];
  cosignature: SigningRange[];
}

/** The range that holds `size`. */
export const rangeAt = (ranges: readonly SigningRange[], size: number): SigningRange | undefined =>
  ranges.findLast(({ from }) => from <= size);

/** Last size that a key signed of this ledger; undefined while it is the current one, or when it never was. */
export function lastSizeOf(ranges: readonly SigningRange[], id: string): number | undefined {
  const at = ranges.findIndex((range) => range.id === id);
  const next = at < 0 ? undefined : ranges[at + 1];
  return next && next.from - 1;
}

export const rangesText = (ranges: SigningRanges): string => `${JSON.stringify(ranges)}\n`;

/** Throws AUDIT.KEY_UNREADABLE: ranges that say nothing must not be taken for a ledger that was never signed. */
export function parsedRanges(text: string, path: string): SigningRanges {
  try {
    const { note, cosignature } = JSON.parse(text) as SigningRanges;
    if ([note, cosignature].every(isWhole)) return { note, cosignature };
  } catch (cause) {
    throw new AuditError('AUDIT.KEY_UNREADABLE', `${path} does not say which key signs which size`, { cause });
  }
  throw new AuditError('AUDIT.KEY_UNREADABLE', `${path} leaves sizes without a key`);
}

const isWhole = (ranges: SigningRange[]): boolean =>
  ranges[0]?.from === 0 &&
  ranges.every(
    ({ from }, index) => Number.isSafeInteger(from) && (index === 0 || from > (ranges[index - 1] as SigningRange).from),
  );
