import {
  equalBytes,
  LedgerError,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  verifyConsistency,
  verifyNote,
} from '#libs/ledger';
import type { AddCheckpoint, Checkpoint } from '#libs/ledger';
import type { KnownLogs } from './known-logs.js';
import type { Latest } from './witnessed-logs.js';

// C2SP tlog-witness, add-checkpoint: the checks, in its order.

/** A request whose checkpoint a known log has signed. */
export interface Submission extends AddCheckpoint {
  checked: Checkpoint;
  /** Of the checkpoint's note: what is cosigned. */
  text: string;
}

export interface Refusal {
  status: 400 | 403 | 404 | 409 | 422;
  why: string;
}

/** The request as far as it can be judged without knowing what was cosigned before. */
export function submissionOf(body: string, logs: KnownLogs): Submission | Refusal {
  const submission = readable(body);
  if (submission === undefined) return { status: 400, why: 'malformed request' };
  const keys = logs.get(submission.checked.origin);
  if (keys === undefined) return { status: 404, why: 'unknown log' };
  try {
    verifyNote(submission.checkpoint, keys);
  } catch (error) {
    if (error instanceof LedgerError) return { status: 403, why: 'no signature of the log' };
    throw error;
  }
  const { oldSize, checked } = submission;
  return oldSize > checked.size ? { status: 400, why: 'the old size is beyond the checkpoint' } : submission;
}

/** Why the checkpoint does not follow the newest one that was cosigned for its origin; undefined when it does. */
export function refusal({ oldSize, checked, proof }: Submission, latest: Latest): Refusal | undefined {
  if (oldSize !== latest.size) return { status: 409, why: 'another size was cosigned last' };
  if (oldSize === checked.size && !equalBytes(latest.root, checked.root)) {
    return { status: 409, why: 'another root of this size was cosigned' };
  }
  try {
    verifyConsistency({ from: oldSize, to: checked.size, fromRoot: latest.root, toRoot: checked.root, proof });
    return undefined;
  } catch (error) {
    if (error instanceof LedgerError) return { status: 422, why: 'the consistency proof does not hold' };
    throw error;
  }
}

function readable(body: string): Submission | undefined {
  try {
    const request = parseAddCheckpoint(body);
    const { text } = parseNote(request.checkpoint);
    return { ...request, text, checked: parseCheckpoint(text) };
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}
