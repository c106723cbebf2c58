import { CommanderError } from 'commander';
import { hasCode } from '#libs/kernel';
import { LedgerError } from '#libs/ledger';
import type { LedgerErrorCode, VerificationReport } from '#libs/ledger';
import { CliError } from './cli.errors.js';
import type { CliErrorCode } from './cli.errors.js';

/** What `assay` ends with. docs/reference/cli.md shows the same table (cli-page.spec.ts). */
export const EXIT = {
  ok: 0,
  broken: 1,
  incomplete: 2,
  unknownKey: 3,
  badInput: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const EXIT_OF_CLI = {
  'CLI.INPUT_NOT_FOUND': EXIT.badInput,
  'CLI.INPUT_UNREADABLE': EXIT.badInput,
  'CLI.URL_INVALID': EXIT.badInput,
  'CLI.OPTION_INVALID': EXIT.badInput,
  'CLI.KEY_FILE_INVALID': EXIT.badInput,
  'CLI.CREDENTIAL_MISSING': EXIT.badInput,
  'CLI.SERVER_MISSING': EXIT.badInput,
  'CLI.ENTRY_MISSING': EXIT.badInput,
  'CLI.TARGET_UNWRITABLE': EXIT.badInput,
  'CLI.UNREACHABLE': EXIT.badInput,
  'CLI.REFUSED': EXIT.badInput,
  'CLI.UNAVAILABLE': EXIT.incomplete,
  'CLI.ANSWER_MALFORMED': EXIT.incomplete,
  'CLI.VERIFICATION_ENDED': EXIT.incomplete,
} satisfies Record<CliErrorCode, ExitCode>;

/** What the ledger's library refuses: input it cannot read, but for these. */
const EXIT_OF_LEDGER: Partial<Record<LedgerErrorCode, ExitCode>> = {
  'LEDGER.ROOT_MISMATCH': EXIT.broken,
  'LEDGER.PROOF_LENGTH': EXIT.broken,
  'LEDGER.INDEX_OUT_OF_RANGE': EXIT.broken,
  'LEDGER.NOTE_SIGNATURE': EXIT.broken,
  'LEDGER.NOTE_KEY_UNKNOWN': EXIT.unknownKey,
  'LEDGER.NOTE_LOG_SIGNATURE': EXIT.unknownKey,
};

/** How a command ends that threw. What nobody foresaw checked nothing: never 0. */
export function exitOfError(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.badInput;
  if (error instanceof CliError) return EXIT_OF_CLI[error.code];
  if (error instanceof LedgerError) return EXIT_OF_LEDGER[error.code] ?? EXIT.badInput;
  return hasCode(error) ? EXIT.badInput : EXIT.incomplete;
}

/** How a verification ends. A break outweighs an unknown key, and that whatever else could not be checked. */
export function exitOfReport(report: VerificationReport, { requireAnchor }: { requireAnchor: boolean }): ExitCode {
  if (report.tier === 'broken') return EXIT.broken;
  if (report.breaks.some(({ class: kind }) => kind === 'key_unknown')) return EXIT.unknownKey;
  if (report.tier === 'incomplete') return EXIT.incomplete;
  return requireAnchor && report.tier !== 'anchored' ? EXIT.incomplete : EXIT.ok;
}
