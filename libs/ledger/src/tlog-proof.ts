import { base64Of, bytesOfBase64 } from './bytes.js';
import { parseCheckpoint, verifyCheckpoint } from './checkpoint.js';
import type { Checkpoint } from './checkpoint.js';
import { HASH_BYTES } from './hashes.js';
import { LedgerError } from './ledger.errors.js';
import type { VerifierKey } from './note-keys.js';
import { parseNote } from './note.js';
import type { VerifiedSignature } from './note.types.js';
import { verifyInclusion } from './tree.js';

// C2SP tlog-proof: one file that proves, without the log, that an entry is in it.

const HEADER = 'c2sp.org/tlog-proof@v1';
/** A tree of 2^53-1 leaves has no longer proof. */
const MAX_HASHES = 53;

export interface ProofFile {
  /** The entry's place, from 0. */
  readonly index: number;
  /** 32 bytes each, from the leaf's sibling up. */
  readonly proof: readonly Uint8Array[];
  /** The signed note, verbatim. */
  readonly checkpoint: string;
  /** Anything the application adds; no signature covers it. */
  readonly extra?: Uint8Array;
}

/** The text of a `.tlog-proof` file. Throws PROOF_FILE_MALFORMED, NOTE_MALFORMED or CHECKPOINT_MALFORMED. */
export function formatProof({ index, proof, checkpoint, extra }: ProofFile): string {
  const lines = [
    HEADER,
    ...(extra === undefined ? [] : [`extra ${base64Of(extra)}`]),
    `index ${index}`,
    ...proof.map(base64Of),
  ];
  const text = `${lines.join('\n')}\n\n${checkpoint}`;
  parseProof(text);
  return text;
}

/** Reads a proof file; verifies nothing. Throws PROOF_FILE_MALFORMED, NOTE_MALFORMED or CHECKPOINT_MALFORMED. */
export function parseProof(text: string): ProofFile {
  const end = text.indexOf('\n\n');
  if (end < 0) throw malformed('an empty line before the checkpoint');
  const [header, ...lines] = text.slice(0, end).split('\n');
  if (header !== HEADER) throw malformed(`${HEADER} in the first line`);
  const extra = lines[0]?.startsWith('extra ') === true ? bytesOfLine(lines.shift()?.slice(6)) : undefined;
  const index = indexOfLine(lines.shift());
  if (lines.length > MAX_HASHES) throw malformed(`at most ${MAX_HASHES} hashes`);
  const proof = lines.map(hashOfLine);
  const checkpoint = text.slice(end + 2);
  parseCheckpoint(parseNote(checkpoint).text);
  return { index, proof, checkpoint, ...(extra !== undefined && { extra }) };
}

export interface ProofFileClaim {
  text: string;
  /** Of the entry the file is to prove: nothing in the file says which one it is. */
  leafHash: Uint8Array;
  /** The log's keys, and any cosigners' whose lines are to count. */
  verifierKeys: readonly VerifierKey[];
}

/**
 * The checkpoint, and the index at which the entry is in its tree. Throws what `parseProof`, `verifyCheckpoint` and
 * `verifyInclusion` throw. How many cosigners are enough is the caller's to decide, by `verified`.
 */
export function verifyProof({
  text,
  leafHash,
  verifierKeys,
}: ProofFileClaim): Checkpoint & { index: number; verified: VerifiedSignature[] } {
  const { index, proof, checkpoint: note } = parseProof(text);
  const checkpoint = verifyCheckpoint(note, verifierKeys);
  verifyInclusion({ leafHash, index, size: checkpoint.size, proof, root: checkpoint.root });
  return { ...checkpoint, index };
}

function indexOfLine(line: string | undefined): number {
  const [, digits] = /^index (0|[1-9]\d{0,15})$/.exec(line ?? '') ?? [];
  const index = Number(digits);
  if (!Number.isSafeInteger(index)) throw malformed('a line "index <decimal up to 2^53-1>"');
  return index;
}

function hashOfLine(line: string): Uint8Array {
  const bytes = bytesOfLine(line);
  if (bytes.length !== HASH_BYTES) throw malformed(`hashes of 32 bytes, found one of ${bytes.length}`);
  return bytes;
}

function bytesOfLine(line: string | undefined): Uint8Array {
  const bytes = bytesOfBase64(line ?? '');
  if (bytes === undefined) throw malformed('base64 in its hash and extra lines');
  return bytes;
}

const malformed = (expected: string): LedgerError =>
  new LedgerError('LEDGER.PROOF_FILE_MALFORMED', `a tlog-proof file needs ${expected}`);
