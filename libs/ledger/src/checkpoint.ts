import { base64Of, bytesOfBase64 } from './bytes.js';
import { HASH_BYTES } from './hashes.js';
import { LedgerError } from './ledger.errors.js';
import { isKeyName } from './note-keys.js';
import type { VerifierKey } from './note-keys.js';
import { verifyNote } from './note.js';
import type { VerifiedSignature } from './note.types.js';

/** C2SP tlog-checkpoint: what a signed note over a tree says. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
  /** Lines after the root; we write none and keep what others wrote. */
  readonly extensions?: readonly string[];
}

/** The note text: origin, size and base64 root, a line each, then the extension lines. Throws CHECKPOINT_MALFORMED. */
export function formatCheckpoint({ origin, size, root, extensions = [] }: Checkpoint): string {
  const text = [origin, size, base64Of(root), ...extensions].map((line) => `${line}\n`).join('');
  parseCheckpoint(text);
  return text;
}

/** The checkpoint in a note's text (without signatures). Throws CHECKPOINT_MALFORMED. */
export function parseCheckpoint(text: string): Checkpoint {
  if (!text.endsWith('\n')) throw malformed('a newline after every line');
  const [origin = '', size = '', root = '', ...extensions] = text.slice(0, -1).split('\n');
  // Our origins are key names too, so that note key and origin can be equal (C2SP tlog-checkpoint).
  if (!isKeyName(origin)) throw malformed('an origin without spaces in the first line');
  if (!/^(0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) {
    throw malformed('a decimal size up to 2^53-1 in the second line');
  }
  const bytes = bytesOfBase64(root);
  if (bytes?.length !== HASH_BYTES) throw malformed('the base64 of 32 bytes in the third line');
  if (extensions.includes('')) throw malformed('extension lines that are not empty');
  return { origin, size: Number(size), root: bytes, ...(extensions.length > 0 && { extensions }) };
}

/**
 * The checkpoint of a note that its log signed: one type 0x01 line by a known key whose name is the checkpoint's origin.
 * `verified` are all signatures by known keys, cosignatures with their times. Throws what `verifyNote` does,
 * CHECKPOINT_MALFORMED or NOTE_LOG_SIGNATURE.
 */
export function verifyCheckpoint(
  note: string,
  verifierKeys: readonly VerifierKey[],
): Checkpoint & { verified: VerifiedSignature[] } {
  const { text, verified } = verifyNote(note, verifierKeys);
  const checkpoint = parseCheckpoint(text);
  if (!verified.some(({ key }) => key.algorithm === 'ed25519' && key.name === checkpoint.origin)) {
    throw new LedgerError(
      'LEDGER.NOTE_LOG_SIGNATURE',
      `no known key of ${checkpoint.origin} itself signed its checkpoint`,
    );
  }
  return { ...checkpoint, verified };
}

const malformed = (expected: string): LedgerError =>
  new LedgerError('LEDGER.CHECKPOINT_MALFORMED', `a checkpoint needs ${expected}`);
