import { LedgerError, parsePolicy, parseVerifierKey } from '#libs/ledger';
import type { VerifierKey } from '#libs/ledger';
import { WitnessError } from './witness.errors.js';

/** Which logs are witnessed: the keys that may sign for each origin. */
export type KnownLogs = ReadonlyMap<string, readonly VerifierKey[]>;

/**
 * The logs of a C2SP tlog-policy file, or of a list of verifier keys, one a line; `#` begins a comment. A key's name is
 * the origin of its log. In a list, unlike in a policy, one key may sign for many origins and one origin may have many
 * keys. Throws WITNESS.LOGS_UNREADABLE.
 */
export function knownLogs(file: Uint8Array): KnownLogs {
  try {
    const keys = keysIn(file);
    if (keys.length === 0) throw unreadable('expected at least one log');
    const logs = new Map<string, VerifierKey[]>();
    for (const key of keys) logs.set(key.name, [...(logs.get(key.name) ?? []), key]);
    return logs;
  } catch (cause) {
    if (cause instanceof LedgerError) throw unreadable(cause.message, cause);
    throw cause;
  }
}

function keysIn(file: Uint8Array): VerifierKey[] {
  const lines = Buffer.from(file).toString('utf8').split('\n');
  const items = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  if (items.some((item) => /\s/.test(item))) return parsePolicy(file).logs.map(({ key }) => key);
  return items.map((item) => {
    const key = parseVerifierKey(item);
    if (key.algorithm === 'ed25519') return key;
    throw unreadable(`expected a log's key (type 1), found ${key.name}+${key.keyId} of type 4`);
  });
}

const unreadable = (message: string, cause?: unknown): WitnessError =>
  new WitnessError('WITNESS.LOGS_UNREADABLE', `the list of logs: ${message}`, { cause });
