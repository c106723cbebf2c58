import { textOf } from '../bytes.js';
import { parseCheckpoint } from '../checkpoint.js';
import type { Checkpoint } from '../checkpoint.js';
import { LedgerError } from '../ledger.errors.js';
import type { VerifierKey } from '../note-keys.js';
import { parseNote, verifyNote } from '../note.js';
import type { VerifiedSignature } from '../note.types.js';
import type { Findings } from './findings.js';
import type { TlogSource } from './tlog-source.js';

/** The checkpoint a run is about, and who is known to have signed it. */
export interface TlogHead extends Checkpoint {
  /** A known key of the log itself signed it, and no line of a known key is bad. */
  signed: boolean;
  verified: readonly VerifiedSignature[];
}

/**
 * Reads the checkpoint. What is wrong with its signatures is a finding, and its tree is still looked at; what is no
 * checkpoint at all cannot be gone on from: throws TLOG_NO_CHECKPOINT, NOTE_MALFORMED or CHECKPOINT_MALFORMED.
 */
export async function headOf(
  source: TlogSource,
  { keys, origin, findings }: { keys: readonly VerifierKey[]; origin: string | undefined; findings: Findings },
): Promise<TlogHead> {
  const bytes = await source.read('checkpoint');
  if (bytes === undefined) throw new LedgerError('LEDGER.TLOG_NO_CHECKPOINT', 'the log has no checkpoint');
  const note = textIn(bytes);
  const checkpoint = parseCheckpoint(parseNote(note).text);
  if (origin !== undefined && checkpoint.origin !== origin) {
    findings.add({
      class: 'checkpoint_invalid',
      field: 'origin',
      checkpoint: checkpoint.size,
      stored: checkpoint.origin,
      recomputed: origin,
      reason: 'the checkpoint is of another origin',
    });
  }
  const verified = verifiedSignatures(note, checkpoint, keys, findings);
  return { ...checkpoint, verified, signed: verified.length > 0 };
}

function verifiedSignatures(
  note: string,
  { origin, size }: Checkpoint,
  keys: readonly VerifierKey[],
  findings: Findings,
): readonly VerifiedSignature[] {
  try {
    const { verified } = verifyNote(note, keys);
    if (verified.some(({ key }) => key.algorithm === 'ed25519' && key.name === origin)) return verified;
    const reason = `no known key of ${origin} itself signed the checkpoint of size ${size}`;
    findings.add({ class: 'key_unknown', checkpoint: size, reason });
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    const kind = error.code === 'LEDGER.NOTE_KEY_UNKNOWN' ? 'key_unknown' : 'checkpoint_invalid';
    findings.add({ class: kind, checkpoint: size, reason: error.message });
  }
  return [];
}

function textIn(bytes: Uint8Array): string {
  try {
    return textOf(bytes);
  } catch (cause) {
    throw new LedgerError('LEDGER.NOTE_MALFORMED', 'a signed note is well-formed UTF-8', { cause });
  }
}
