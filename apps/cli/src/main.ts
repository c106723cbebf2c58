#!/usr/bin/env node
import { CommanderError } from 'commander';
import { codeOf } from '#libs/kernel';
import { LedgerError } from '#libs/ledger';
import { EXIT, exitOfError } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { assayProgram } from './program.js';
import { printable } from './terminal.js';

// A reader that has enough, such as head(1), closes the pipe.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.incomplete),
);

let ended: ExitCode = EXIT.ok;
try {
  await assayProgram((code) => {
    ended = code;
  }).parseAsync();
} catch (error) {
  ended = exitOfError(error);
  // Commander has said what was wrong with the command line.
  if (!(error instanceof CommanderError)) process.stderr.write(`assay: ${printable(told(error))}\n`);
}
process.exitCode = ended;

function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = error instanceof LedgerError ? error.code : codeOf(error);
  return code === 'unknown' ? (error.stack ?? error.message) : `${error.message} [${code}]`;
}
