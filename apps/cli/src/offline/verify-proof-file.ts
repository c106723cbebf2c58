import { leafHash, LedgerError, parseEvent, parseProof, verifyProof } from '#libs/ledger';
import { CliError } from '../cli.errors.js';
import type { Keys } from './pinned-keys.js';

/** What a proof file proves. Plain JSON. */
export interface ProvenEntry {
  origin: string;
  size: number;
  index: number;
  leaf_hash: string;
  /** All of them given: a proof file has none. */
  keys_used: string[];
  /** When cosigners say they saw the checkpoint. */
  seen: { by: string; time: string }[];
  /** Names of the policy's witnesses among them. */
  witnesses: string[];
  /** Null when the entry is no event of ours. */
  event: unknown;
}

/**
 * Verifies a C2SP tlog-proof file over `entry`, or over the bytes in its `extra` line, which the proof then covers.
 * Throws CLI.ENTRY_MISSING or what `verifyProof` throws.
 */
export function provenEntry(text: string, keys: Keys, entry?: Uint8Array): ProvenEntry {
  const bytes = entry ?? parseProof(text).extra;
  if (bytes === undefined) {
    const reason = 'the file does not hold the entry it is about; give its bytes with --entry <file>';
    throw new CliError('CLI.ENTRY_MISSING', reason);
  }
  const hash = leafHash(bytes);
  const verifierKeys = [...keys.verifierKeys, ...(keys.policy?.witnesses.map(({ key }) => key) ?? [])];
  const { origin, size, index, verified } = verifyProof({ text, leafHash: hash, verifierKeys });
  return {
    origin,
    size,
    index,
    leaf_hash: Buffer.from(hash).toString('hex'),
    keys_used: verified.map(({ key }) => `${key.name}+${key.keyId}`),
    seen: verified.flatMap(({ key, time }) =>
      time === undefined ? [] : [{ by: key.name, time: new Date(time * 1000).toISOString() }],
    ),
    witnesses: (keys.policy?.witnesses ?? [])
      .filter((witness) => verified.some(({ key }) => key.name === witness.key.name && key.keyId === witness.key.keyId))
      .map(({ name }) => name),
    event: eventIn(bytes),
  };
}

function eventIn(bytes: Uint8Array): unknown {
  try {
    return parseEvent(bytes);
  } catch (error) {
    if (error instanceof LedgerError) return null;
    throw error;
  }
}
