import { LedgerError, parseCheckpoint, verifyNote, type Checkpoint, type VerifierKey } from '#libs/ledger';

/** A checkpoint under a signature that holds. */
export interface SignedCheckpoint {
  checkpoint: Checkpoint;
  /** Of a cosignature: when, in seconds since 1970. */
  time: number | undefined;
}

/** What the note says, where one of `keys` signed it and it is of this origin and size; else undefined. */
export function signedCheckpoint(
  note: string,
  { origin, size }: { origin: string; size: number },
  keys: readonly VerifierKey[],
): SignedCheckpoint | undefined {
  try {
    const { text, verified } = verifyNote(note, keys);
    const checkpoint = parseCheckpoint(text);
    if (checkpoint.origin !== origin || checkpoint.size !== size) return undefined;
    return { checkpoint, time: verified[0]?.time };
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}

/** How a witness is called where its key alone counts. */
export const witnessName = ({ name, keyId }: VerifierKey): string => `${name}+${keyId}`;
