import { CodedError } from '#libs/kernel';

export type CliErrorCode =
  /** What to verify is neither an address nor a file or folder that is there. */
  | 'CLI.INPUT_NOT_FOUND'
  | 'CLI.INPUT_UNREADABLE'
  | 'CLI.URL_INVALID'
  | 'CLI.OPTION_INVALID'
  | 'CLI.KEY_FILE_INVALID'
  | 'CLI.CREDENTIAL_MISSING'
  | 'CLI.SERVER_MISSING'
  /** A proof file that does not hold the entry it is about. */
  | 'CLI.ENTRY_MISSING'
  | 'CLI.TARGET_UNWRITABLE'
  /** There is no answer: the address is wrong, or nothing listens there. */
  | 'CLI.UNREACHABLE'
  /** The server answered, and refused. */
  | 'CLI.REFUSED'
  /** The server answered that it cannot now, or takes too long. */
  | 'CLI.UNAVAILABLE'
  | 'CLI.ANSWER_MALFORMED'
  /** A verification on the server ended without a report. */
  | 'CLI.VERIFICATION_ENDED';

/** The message says what was expected, what was found, and what to do next. */
export class CliError extends CodedError<CliErrorCode> {}

/** Why a fetch gave no answer within `patience` milliseconds: a server that is slow is not a wrong address. */
export function unanswered(
  cause: unknown,
  { address, patience, hint }: { address: string; patience: number; hint: string },
): CliError {
  if (cause instanceof DOMException && cause.name === 'TimeoutError') {
    const slow = `${address} did not answer in ${patience / 1000} s, and may still be at it`;
    return new CliError('CLI.UNAVAILABLE', slow, { cause });
  }
  return new CliError('CLI.UNREACHABLE', `no answer from ${address}; ${hint}`, { cause });
}
