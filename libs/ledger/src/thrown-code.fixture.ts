import { LedgerError, type LedgerErrorCode } from './ledger.errors.js';

/** The code this rejects with; undefined when it does not. Another error than ours comes through. */
export function codeOf(act: () => unknown): LedgerErrorCode | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof LedgerError) return error.code;
    throw error;
  }
  return undefined;
}

/** The same of a promise. */
export const codeOfAsync = async (promise: Promise<unknown>): Promise<LedgerErrorCode | undefined> =>
  promise.then(
    () => undefined,
    (error: unknown) => codeOf(() => { throw error; }), // prettier-ignore
  );
