import { CliError } from './cli.errors.js';

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
