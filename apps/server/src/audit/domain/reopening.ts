import { LedgerError, parseEvent } from '#libs/ledger';

/**
 * What is wrong with an entry that is about to be signed for the first time, when it says that this ledger was opened
 * anew and no operator did that: whoever can write to the database could make a verifier expect another origin.
 */
export function reopeningFault(bytes: Uint8Array, { incarnation }: { incarnation: number }): string | undefined {
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('"kind":"ledger.reopened"')) return undefined;
  try {
    const { kind, data, scope } = parseEvent(bytes);
    const isOfThis = kind === 'ledger.reopened' && (data?.['ledger'] ?? scope.tenant) === scope.tenant;
    const began = Number(data?.['incarnation']);
    // Verifiers pass over one that began before.
    if (!isOfThis || began <= incarnation) return undefined;
    return `the entry says that incarnation ${began} began, this is ${incarnation}`;
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}
