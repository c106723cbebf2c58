import { base64Of, bytesOfBase64 } from '../bytes.js';
import { HASH_BYTES } from '../hashes.js';
import { LedgerError } from '../ledger.errors.js';

// C2SP tlog-witness, "add-checkpoint": the body of the request.

const MAX_PROOF_LINES = 63;
const OLD_LINE = /^old (0|[1-9]\d{0,15})$/;

/** What a log sends to a witness. */
export interface AddCheckpoint {
  /** Size of the newest checkpoint of this log that the witness cosigned, as far as the log knows; 0 for none. */
  readonly oldSize: number;
  /** From the tree of the old size to the checkpoint's (RFC 6962 §2.1.2); 32 bytes each. */
  readonly proof: readonly Uint8Array[];
  /** The checkpoint as a signed note. Not looked into here. */
  readonly checkpoint: string;
}

/** The body: old size line, proof lines, an empty line, the checkpoint. Throws WITNESS_REQUEST_MALFORMED. */
export function formatAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): string {
  const body = `${[`old ${oldSize}`, ...proof.map(base64Of)].join('\n')}\n\n${checkpoint}`;
  parseAddCheckpoint(body);
  return body;
}

/** The parts of a body. Verifies nothing. Throws WITNESS_REQUEST_MALFORMED. */
export function parseAddCheckpoint(body: string): AddCheckpoint {
  const split = body.indexOf('\n\n');
  if (split < 0) throw malformed('an empty line before the checkpoint');
  const [old = '', ...lines] = body.slice(0, split).split('\n');
  const oldSize = Number(OLD_LINE.exec(old)?.[1]);
  if (!Number.isSafeInteger(oldSize)) throw malformed('"old <decimal size>" in the first line');
  if (lines.length > MAX_PROOF_LINES) throw malformed(`at most ${MAX_PROOF_LINES} proof lines, found ${lines.length}`);
  return { oldSize, proof: lines.map(hashOfLine), checkpoint: body.slice(split + 2) };
}

function hashOfLine(line: string): Uint8Array {
  const hash = bytesOfBase64(line);
  if (hash?.length !== HASH_BYTES) throw malformed('proof lines of the base64 of 32 bytes');
  return hash;
}

const malformed = (expected: string): LedgerError =>
  new LedgerError('LEDGER.WITNESS_REQUEST_MALFORMED', `an add-checkpoint request needs ${expected}`);
