import { hexOf } from '../bytes.js';
import { parseCheckpoint } from '../checkpoint.js';
import { LedgerError } from '../ledger.errors.js';
import type { VerifierKey } from '../note-keys.js';
import { parseNote, verifyNote } from '../note.js';
import type { Incarnations } from './incarnations.js';
import type { KeyRecord } from './key-record.js';
import type { KeyTrust } from './key-trust.js';
import type { AnchorClaim, BreakVerdict, Finding } from './report.types.js';

/** A root that somebody vouches for: a checkpoint whose signature holds, the signer's high-water mark, or an anchor. */
export interface Claim {
  size: number;
  root: Uint8Array;
  by: 'checkpoint' | 'high water' | 'anchor';
  /** For a checkpoint: the keys, cosigners among them, whose signature holds. */
  signers: readonly KeyRecord[];
  /** Of the ledger, by the origin that the claim names; of an anchor, which names none, undefined. */
  incarnation?: number | undefined;
  /** The time a cosigner asserts, in seconds since 1970. */
  time?: number;
  anchor?: AnchorRecord;
  /** What the two trees say, once they have its size: undefined for a root that cannot be computed. */
  byTiles?: { root: Uint8Array | undefined };
  byEntries?: { root: Uint8Array | undefined };
}

/** An anchor and what came of it; undefined while its size was not reached or its root could not be compared. */
export interface AnchorRecord {
  claim: AnchorClaim;
  matched: boolean | undefined;
}

export interface ClaimState extends Pick<Claim, 'size' | 'by' | 'incarnation' | 'time'> {
  root: string;
  signers: string[];
}

export const claimState = ({ size, by, incarnation, time, root, signers }: Claim): ClaimState => ({
  size,
  by,
  incarnation,
  ...(time !== undefined && { time }),
  root: hexOf(root),
  signers: signers.map(({ name }) => name),
});

/** What a contradiction of this claim proves. */
export const verdictBy = ({ by, anchor }: Claim): BreakVerdict =>
  by === 'checkpoint' || anchor?.claim.independent === true ? 'proven_tampering' : 'inconsistent';

/** The claim of a stored signed note, or what is wrong with it. */
export function claimOfNote(note: unknown, incarnations: Incarnations, trust: KeyTrust): Claim | Finding {
  if (typeof note !== 'string') return invalid('the stored checkpoint is no text');
  try {
    const checkpoint = parseCheckpoint(parseNote(note).text);
    const { size, root, origin } = checkpoint;
    const incarnation = incarnations.of(origin);
    if (incarnation === undefined) {
      return { ...invalid(`a checkpoint of another origin, ${origin}`, size), field: 'origin' };
    }
    const { verified } = signaturesOf(note, size, trust);
    const signers = verified.map(({ key }) => trust.recordOf(key));
    // The log's own signature is under its own name (C2SP tlog-checkpoint); other names are cosigners.
    if (!signers.some(({ key }) => isNoteKey(key, origin))) {
      return { class: 'key_unknown', checkpoint: size, reason: `the checkpoint of size ${size} has cosignatures only` };
    }
    const sound = signers.filter(({ key }) => isNoteKey(key, origin) || key.algorithm === 'cosignature/v1');
    const time = verified.find(
      (one) => one.time !== undefined && trust.faultAt(trust.recordOf(one.key), size) === undefined,
    )?.time;
    return { size, root, by: 'checkpoint', incarnation, signers: sound, ...(time !== undefined && { time }) };
  } catch (error) {
    if (error instanceof NoteFault) return error.finding;
    if (error instanceof LedgerError) return invalid(error.message);
    throw error;
  }
}

class NoteFault extends Error {
  constructor(readonly finding: Finding) {
    super(finding.reason);
  }
}

function signaturesOf(note: string, size: number, { records }: KeyTrust): ReturnType<typeof verifyNote> {
  try {
    return verifyNote(
      note,
      records.map(({ key }) => key),
    );
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    const unknown = error.code === 'LEDGER.NOTE_KEY_UNKNOWN';
    throw new NoteFault(
      unknown ? { class: 'key_unknown', checkpoint: size, reason: error.message } : invalid(error.message, size),
    );
  }
}

const isNoteKey = ({ algorithm, name }: VerifierKey, origin: string): boolean =>
  algorithm === 'ed25519' && name === origin;

const invalid = (reason: string, size?: number): Finding => ({
  class: 'checkpoint_invalid',
  ...(size !== undefined && { checkpoint: size }),
  reason,
});
