import type { VerifierKey } from './note-keys.js';

/** One signature line, not verified. */
export interface NoteSignature {
  readonly name: string;
  /** 8 lower-case hex digits. */
  readonly keyId: string;
  /** What follows the key id. */
  readonly signature: Uint8Array;
}

export interface Note {
  /** Ends with a newline; it is what was signed. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A signature that holds, under the key given. */
export interface VerifiedSignature {
  readonly key: VerifierKey;
  /** For `cosignature/v1`: the time the cosigner asserts, in seconds since 1970. */
  readonly time?: number;
}

/** Whoever can sign a note. `sign` gets the note's text and returns what follows the key id. */
export interface NoteSigner {
  readonly name: string;
  readonly keyId: string;
  sign(text: string): Uint8Array;
}
