import { mkdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import type { Api } from '../api/api.js';
import { CliError } from '../cli.errors.js';
import type { ExitCode } from '../exit-codes.js';
import { httpLog } from '../offline/http-log.js';
import { mirrorLog } from '../offline/mirror.js';
import type { Terminal } from '../terminal.js';
import { apiOf, terminalOf, wholeNumber } from './options.js';
import { keyOptions, rangeOptions, serverReport, showReport } from './verify.command.js';
import type { VerifyOptions } from './verify.command.js';

interface Entry {
  seq: number;
  event: { ts: string; kind: string; actor: { type: string; id: string }; refs?: Record<string, unknown> } | null;
}

interface SearchOptions {
  kind?: string;
  job?: string;
  since?: string;
  until?: string;
  limit: number;
}

const FOLLOW_MS = 1000;
const PAGE = 1000;

/** `assay audit`: the tenant's ledger over the API. */
export function auditCommand(ends: (code: ExitCode) => void): Command {
  return new Command('audit')
    .description("a tenant's ledger, over the API")
    .addCommand(tailCommand())
    .addCommand(searchCommand())
    .addCommand(verifyLedgerCommand(ends))
    .addCommand(proofCommand())
    .addCommand(checkpointCommand())
    .addCommand(exportCommand());
}

function tailCommand(): Command {
  const command = new Command('tail')
    .description('follow the ledger, without a gap')
    .option('--after-seq <seq>', 'begin after this seq; -1 is the beginning, and without it the newest ten', seqOrNone)
    .option('--no-follow', 'end at the newest entry')
    .action(async ({ afterSeq, follow }: { afterSeq?: number; follow: boolean }) => {
      const [terminal, api] = [terminalOf(command), apiOf(command)];
      let after = afterSeq ?? (await showNewest(terminal, api));
      for (;;) {
        const query = { after_seq: after, limit: PAGE };
        const page = await api.get<{ events: Entry[]; next_after_seq: number }>('/audit/events', query);
        for (const entry of page.events) show(terminal, entry);
        after = page.next_after_seq;
        if (page.events.length === 0 && !follow) return;
        if (page.events.length === 0) await sleep(FOLLOW_MS);
      }
    });
  return command;
}

/** The newest entries; gives the seq to follow from. */
async function showNewest(terminal: Terminal, api: Api): Promise<number> {
  const { events } = await api.get<{ events: Entry[] }>('/audit/events', { limit: 10 });
  events.sort((a, b) => a.seq - b.seq);
  for (const entry of events) show(terminal, entry);
  return events.at(-1)?.seq ?? -1;
}

function searchCommand(): Command {
  const command = new Command('search')
    .description('events, newest first')
    .option('--kind <kind>', 'such as job.created')
    .option('--job <id>', 'of this job')
    .option('--since <time>', 'RFC 3339 in UTC with milliseconds, inclusive')
    .option('--until <time>', 'exclusive')
    .option('--limit <count>', 'at most so many', wholeNumber, 100)
    .action(async ({ kind, job, since, until, limit }: SearchOptions) => {
      const [terminal, api] = [terminalOf(command), apiOf(command)];
      let cursor: string | undefined;
      for (let left = limit; left > 0;) {
        const query = { kind, job_id: job, since, until, cursor, limit: Math.min(PAGE, left) };
        const page = await api.get<{ events: Entry[]; next_cursor?: string }>('/audit/events', query);
        for (const entry of page.events) show(terminal, entry);
        left -= page.events.length;
        if (page.next_cursor === undefined) return;
        cursor = page.next_cursor;
      }
    });
  return command;
}

function verifyLedgerCommand(ends: (code: ExitCode) => void): Command {
  const command = new Command('verify')
    .description('have the server verify the ledger: as "assay verify <server>"')
    .option('--require-anchor', 'fail unless a copy in another trust domain agrees', false)
    .action(async (options: VerifyOptions) => {
      const terminal = terminalOf(command);
      ends(showReport(terminal, await serverReport(terminal, command, options), options));
    });
  for (const option of [...keyOptions(), ...rangeOptions()]) command.addOption(option);
  return command;
}

function proofCommand(): Command {
  const command = new Command('proof')
    .description('a .tlog-proof file of one event, which "assay verify" checks without a server')
    .argument('<event-id>')
    .option('--size <size>', 'in the tree of this published checkpoint; the newest without it', wholeNumber)
    .option('--out <file>', 'where to write it; standard output without it')
    .action(async (id: string, { size, out }: { size?: number; out?: string }) => {
      const proof = await apiOf(command).text(`/audit/events/${encodeURIComponent(id)}/proof`, { size });
      if (out === undefined) return terminalOf(command).print(proof);
      await writeFile(out, proof).catch((cause: unknown) => {
        throw new CliError('CLI.TARGET_UNWRITABLE', `cannot write ${out}`, { cause });
      });
    });
  return command;
}

function checkpointCommand(): Command {
  const command = new Command('checkpoint')
    .description('the newest published checkpoint, a signed note')
    .action(async () => {
      const terminal = terminalOf(command);
      const latest = await apiOf(command).get<{ note: string }>('/audit/checkpoints/latest');
      if (terminal.json) terminal.printJson(latest);
      else terminal.print(latest.note);
    });
  return command;
}

function exportCommand(): Command {
  const command = new Command('export')
    .description('copy the whole ledger as C2SP tiles into a folder that "assay verify" reads without a server')
    .argument('<folder>')
    .option('--tenant <id>', "whose; the key's own without it")
    .action(async (folder: string, { tenant }: { tenant?: string }) => {
      const [terminal, api] = [terminalOf(command), apiOf(command)];
      const whose = tenant ?? (await ownTenant(api));
      await mkdir(folder, { recursive: true });
      const { origin, size } = await mirrorLog({
        source: httpLog({
          url: new URL(`${api.base}/tlog/${encodeURIComponent(whose)}`),
          token: process.env['ASSAY_API_KEY'],
        }),
        folder,
        progress: (files) => terminal.progress('files copied', files),
      });
      if (terminal.json) return terminal.printJson({ origin, size, folder });
      terminal.print(`${size} entries of ${origin} in ${folder}`);
      terminal.say(`Verify them with: assay verify ${folder} --vkey <a key you have from elsewhere>`);
    });
  return command;
}

async function ownTenant(api: Api): Promise<string> {
  const { tenants } = await api.get<{ tenants: string[] }>('/me');
  const [tenant, ...others] = tenants;
  if (tenant !== undefined && others.length === 0) return tenant;
  throw new CliError('CLI.OPTION_INVALID', `expected --tenant, as the key is of ${tenants.length} tenants`);
}

function show(terminal: Terminal, entry: Entry): void {
  if (terminal.json) return terminal.printJson(entry);
  const { seq, event } = entry;
  if (event === null) return terminal.print(`${seq}  (no event)`);
  const refs = Object.entries(event.refs ?? {}).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  terminal.print([seq, event.ts, event.kind, `${event.actor.type}:${event.actor.id}`, ...refs].join('  '));
}

function seqOrNone(text: string): number {
  if (text === '-1') return -1;
  try {
    return wholeNumber(text);
  } catch {
    throw new InvalidArgumentError('expected a seq, or -1 for the beginning');
  }
}
