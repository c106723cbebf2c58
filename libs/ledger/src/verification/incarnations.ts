import type { LedgerEvent } from '../event.types.js';
import type { VerificationReport } from './report.types.js';

/** What the first entry of a new incarnation says: the ledger goes on under another origin. */
export interface Reopening {
  incarnation: number;
  /** Of the last checkpoint that the operator found good, and of the last that was signed before. */
  goodSize: number;
  signedSize: number;
}

export interface PlacedReopening extends Reopening {
  seq: number;
}

/** Undefined for any event that is not `ledger.reopened` of its own ledger: the system ledger has copies of others'. */
export function reopeningOf({ kind, data, scope }: LedgerEvent): Reopening | undefined {
  if (kind !== 'ledger.reopened' || data === undefined) return undefined;
  const { ledger = scope.tenant, incarnation, good_size: goodSize, signed_size: signedSize } = data;
  if (ledger !== scope.tenant) return undefined;
  const sizes = [incarnation, goodSize, signedSize];
  if (!sizes.every((size) => Number.isSafeInteger(size))) return undefined;
  return { incarnation, goodSize, signedSize } as Reopening;
}

/**
 * The incarnations of a ledger: a reopened one goes on at the next seq, and from the next size on its checkpoints are
 * of the origin `<first origin>/<incarnation>`, from 2.
 */
export class Incarnations {
  readonly reopenings: PlacedReopening[] = [];

  constructor(private readonly origin: string) {}

  add(reopening: PlacedReopening): void {
    // One in between is lost whole where the backup is older than its beginning.
    if (reopening.incarnation > this.at(Number.MAX_SAFE_INTEGER)) this.reopenings.push(reopening);
  }

  /** The incarnation that an origin names; undefined for that of another ledger. */
  of(origin: string): number | undefined {
    if (origin === this.origin) return 1;
    const rest = origin.startsWith(`${this.origin}/`) ? origin.slice(this.origin.length + 1) : '';
    return /^[1-9]\d{0,8}$/.test(rest) && rest !== '1' ? Number(rest) : undefined;
  }

  /** The incarnation that signs trees of this size. */
  at(size: number): number {
    return this.reopenings.findLast(({ seq }) => seq < size)?.incarnation ?? 1;
  }

  originOf(incarnation: number): string {
    return incarnation === 1 ? this.origin : `${this.origin}/${incarnation}`;
  }

  /** Undefined for a ledger that was never reopened. */
  report(): VerificationReport['incarnations'] {
    if (this.reopenings.length === 0) return undefined;
    const range = (from: number, end: number): { from: number; to: number } | null =>
      end > from ? { from, to: end - 1 } : null;
    return this.reopenings.map(({ incarnation, seq, goodSize, signedSize }) => ({
      incarnation,
      origin: this.originOf(incarnation),
      from_seq: seq,
      good_size: goodSize,
      unproven: range(goodSize, seq),
      lost: range(seq, signedSize),
    }));
  }
}
