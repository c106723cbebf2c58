import { verifyTlog } from '#libs/ledger';
import type { SeqRange, TlogSource, VerificationReport } from '#libs/ledger';
import type { Keys } from './pinned-keys.js';

export interface LogRun {
  keys: Keys;
  from?: number;
  to?: number;
  origin?: string;
  signal?: AbortSignal;
  progress: (entries: { done: number; of: number }) => void;
}

/** Verifies a log from its files alone. Throws what `verifyTlog` throws. */
export async function logReport(source: TlogSource, run: LogRun): Promise<VerificationReport> {
  const { keys, origin, signal, progress } = run;
  return verifyTlog({
    read: (path) => source.read(path),
    keys,
    range: (size) => rangeIn(run, size),
    progress: ({ entries, of }) => progress({ done: entries, of }),
    ...(keys.policy && { policy: keys.policy }),
    ...(origin !== undefined && { origin }),
    ...(signal && { signal }),
  });
}

function rangeIn({ from, to }: LogRun, size: number): SeqRange | undefined {
  return from === undefined && to === undefined ? undefined : { from: from ?? 0, to: to ?? size - 1 };
}
