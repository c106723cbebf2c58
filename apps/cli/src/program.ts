import { Command } from 'commander';
import { archiveCommand } from './commands/archive.command.js';
import { auditCommand } from './commands/audit.command.js';
import { completionCommand } from './commands/completion.command.js';
import { keysCommand } from './commands/keys.command.js';
import { globalOptions } from './commands/options.js';
import { verifyCommand } from './commands/verify.command.js';
import type { ExitCode } from './exit-codes.js';
import { witnessCommand } from './witness/witness.command.js';

/** All of `assay`. A command that ends with another code than 0 says so by `ends`; one that fails throws. */
export function assayProgram(ends: (code: ExitCode) => void): Command {
  const program = new Command('assay')
    .description('talks to an Assay server, or verifies its ledgers without one')
    .addCommand(verifyCommand(ends))
    .addCommand(auditCommand(ends))
    .addCommand(archiveCommand(ends))
    .addCommand(keysCommand())
    .addCommand(witnessCommand())
    .addCommand(completionCommand());
  for (const option of globalOptions()) program.addOption(option);
  for (const command of commandsOf(program)) command.exitOverride();
  return program;
}

export const commandsOf = (command: Command): Command[] => [command, ...command.commands.flatMap(commandsOf)];
