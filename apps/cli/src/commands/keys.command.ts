import { Command, Option } from 'commander';
import { apiOf, printAnswer, wholeNumber } from './options.js';

const PURPOSES = ['note', 'cosignature', 'event', 'mac', 'archive'];

/** `assay keys`: an operator's acts on the service's keys, each an event of the system ledger. */
export function keysCommand(): Command {
  return new Command('keys')
    .description("the service's keys; an operator's acts")
    .addCommand(listCommand())
    .addCommand(rotateCommand())
    .addCommand(retireCommand())
    .addCommand(compromisedCommand());
}

function listCommand(): Command {
  const command = new Command('list').description('every key and where it signs').action(async () => {
    printAnswer(command, await apiOf(command).get('/audit/keys'));
  });
  return command;
}

function rotateCommand(): Command {
  const command = new Command('rotate')
    .description('make a new key; each ledger moves to it once the old one covers that')
    .addOption(new Option('--purpose <purpose>', 'what it signs').choices(PURPOSES).makeOptionMandatory())
    .option('--tenant <id>', 'a note key of this ledger alone')
    .action(async ({ purpose, tenant }: { purpose: string; tenant?: string }) => {
      printAnswer(
        command,
        await apiOf(command).post('/audit/keys/rotate', { purpose, ...(tenant !== undefined && { tenant }) }),
      );
    });
  return command;
}

function retireCommand(): Command {
  const command = new Command('retire')
    .description('destroy the private half of a key that was followed by another')
    .argument('<id>')
    .action(async (id: string) => {
      printAnswer(command, await apiOf(command).post(`/audit/keys/${encodeURIComponent(id)}/retire`));
    });
  return command;
}

function compromisedCommand(): Command {
  const command = new Command('compromised')
    .description('say that others may have had a key: what it signed counts only where an anchor dates it earlier')
    .argument('<id>')
    .requiredOption('--since-size <size>', 'of the ledger of --tenant, or of the key', wholeNumber)
    .option('--tenant <id>', 'whose size it is')
    .action(async (id: string, { sinceSize, tenant }: { sinceSize: number; tenant?: string }) => {
      const body = { since_size: sinceSize, ...(tenant !== undefined && { tenant }) };
      printAnswer(command, await apiOf(command).post(`/audit/keys/${encodeURIComponent(id)}/compromised`, body));
    });
  return command;
}
