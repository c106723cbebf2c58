import { Command } from 'commander';
import type { VerificationReport } from '#libs/ledger';
import type { ExitCode } from '../exit-codes.js';
import type { Terminal } from '../terminal.js';
import { apiOf, printAnswer, terminalOf, wholeNumber } from './options.js';
import { showReport } from './verify.command.js';

interface Archive {
  id: string;
  archivedAt: string;
  startSeq: number;
  endSeq: number;
  bytesStored: number;
  state: string;
  restored: { until: string } | null;
}

/** A batch is read, packed or copied while the caller waits. */
const PATIENCE_MS = 290_000;

/** `assay archive`: what of the tenant's ledger is in the cold store; an operator's orders to move and to restore it. */
export function archiveCommand(ends: (code: ExitCode) => void): Command {
  return new Command('archive')
    .description("a ledger's cold archive, over the API")
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(runCommand())
    .addCommand(verifyBatchCommand(ends))
    .addCommand(restoreCommand());
}

function listCommand(): Command {
  const command = new Command('list')
    .description('archived batches, newest first')
    .option('--limit <count>', 'at most so many', wholeNumber, 100)
    .option('--tenant <id>', "whose; the key's own without it")
    .action(async ({ limit, tenant }: { limit: number; tenant?: string }) => {
      const [terminal, api] = [terminalOf(command), apiOf(command)];
      let before: number | undefined;
      for (let left = limit; left > 0;) {
        const query = { limit: Math.min(1000, left), before_seq: before, tenant };
        const page = await api.get<{ archives: Archive[]; next_before_seq?: number }>('/audit/archives', query);
        for (const archive of page.archives) show(terminal, archive);
        left -= page.archives.length;
        if (page.next_before_seq === undefined) return;
        before = page.next_before_seq;
      }
    });
  return command;
}

function showCommand(): Command {
  const command = new Command('show')
    .description('the record of one batch')
    .argument('<id>')
    .option('--tenant <id>', "whose batch it is; the key's own without it")
    .action(async (id: string, { tenant }: { tenant?: string }) => {
      printAnswer(command, await apiOf(command).get(`/audit/archives/${encodeURIComponent(id)}`, { tenant }));
    });
  return command;
}

function runCommand(): Command {
  const command = new Command('run')
    .description('archive the next batch, or finish the one that a run before left')
    .option('--override', 'also where ARCHIVE_ENABLED, the hour or the day say no', false)
    .option('--tenant <id>', "whose ledger; the key's own without it")
    .action(async ({ override, tenant }: { override: boolean; tenant?: string }) => {
      const body = { override, ...(tenant !== undefined && { tenant }) };
      printAnswer(command, await apiOf(command).post('/audit/archive/run', body, PATIENCE_MS));
    });
  return command;
}

function verifyBatchCommand(ends: (code: ExitCode) => void): Command {
  const command = new Command('verify')
    .description('have the server verify one batch where it lies')
    .argument('<id>')
    .option('--copy', 'of the second store by itself', false)
    .option('--tenant <id>', "whose batch it is; the key's own without it")
    .action(async (id: string, { copy, tenant }: { copy: boolean; tenant?: string }) => {
      const query = new URLSearchParams({ copy: String(copy), ...(tenant !== undefined && { tenant }) });
      const path = `/audit/archives/${encodeURIComponent(id)}/verify?${query.toString()}`;
      const report = await apiOf(command).post<VerificationReport>(path, {}, PATIENCE_MS);
      ends(showReport(terminalOf(command), report, { requireAnchor: false }));
    });
  return command;
}

function restoreCommand(): Command {
  const command = new Command('restore')
    .description('put copies of one batch beside hot storage, for searches by kind and job')
    .argument('<id>')
    .option('--days <count>', 'for so long; seven without it', wholeNumber)
    .option('--tenant <id>', "whose batch it is; the key's own without it")
    .action(async (id: string, { days, tenant }: { days?: number; tenant?: string }) => {
      const path = `/audit/archives/${encodeURIComponent(id)}/restore`;
      const body = { ...(days !== undefined && { days }), ...(tenant !== undefined && { tenant }) };
      printAnswer(command, await apiOf(command).post(path, body, PATIENCE_MS));
    });
  return command;
}

function show(terminal: Terminal, archive: Archive): void {
  if (terminal.json) return terminal.printJson(archive);
  const { id, archivedAt, startSeq, endSeq, bytesStored, state, restored } = archive;
  const now = restored === null ? state : `${state}, restored until ${restored.until}`;
  terminal.print(`${id}  ${archivedAt}  ${startSeq}-${endSeq}  ${bytesStored} bytes  ${now}`);
}
