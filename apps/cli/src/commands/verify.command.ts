import { readFile, stat } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { isWitnessed, reportText, verifierKeyText } from '#libs/ledger';
import type { TlogSource, VerificationReport } from '#libs/ledger';
import { serverVerification } from '../api/server-verification.js';
import { CliError } from '../cli.errors.js';
import { EXIT, exitOfReport } from '../exit-codes.js';
import type { ExitCode } from '../exit-codes.js';
import { folderLog } from '../offline/folder-log.js';
import { httpLog } from '../offline/http-log.js';
import { keysFor } from '../offline/pinned-keys.js';
import type { KeyOptions } from '../offline/pinned-keys.js';
import { logReport } from '../offline/verify-log.js';
import { provenEntry } from '../offline/verify-proof-file.js';
import type { Terminal } from '../terminal.js';
import { apiOf, collected, terminalOf, urlOf, wholeNumber } from './options.js';

export interface VerifyOptions extends KeyOptions {
  from?: number;
  to?: number;
  origin?: string;
  entry?: string;
  tokenFile?: string;
  requireAnchor: boolean;
}

type Ends = (code: ExitCode) => void;

/** What there is to verify. */
type Target = { kind: 'api'; url: string } | { kind: 'log'; source: TlogSource } | { kind: 'proof'; text: string };

export const rangeOptions = (): Option[] => [
  new Option('--from <seq>', 'first seq; everything without it').argParser(wholeNumber),
  new Option('--to <seq>', 'last seq').argParser(wholeNumber),
];

export const keyOptions = (): Option[] => [
  new Option('--vkey <key>', 'verifier key to pin, <name>+<id>+<base64>; may be repeated')
    .argParser(collected)
    .default([]),
  new Option('--vkey-file <file>', 'verifier keys to pin, one a line'),
];

/** `assay verify`: a server's ledger by its API, or a log or a proof from its files alone. */
export function verifyCommand(ends: Ends): Command {
  const command = new Command('verify')
    .description('verify a ledger: by a server, from a tlog over HTTP, from a folder of tiles, or one .tlog-proof file')
    .argument('<what>', 'https://host (a server), https://host/tlog/<tenant> (a log), a folder, or a proof file')
    .option('--policy <file>', 'C2SP tlog-policy: logs to pin, witnesses, and how many of them anchor')
    .option('--require-anchor', 'fail unless a copy in another trust domain agrees', false)
    .option('--origin <name>', "what the log's checkpoint must name itself")
    .option('--jwks <file>', 'public keys of event signatures, as a JWK set')
    .option('--entry <file>', 'the entry a proof file is about, where the file does not hold it')
    .option('--token-file <file>', 'bearer credential for a log over HTTP; without it ASSAY_TOKEN')
    .action(async (what: string, options: VerifyOptions) => {
      const terminal = terminalOf(command);
      const target = await targetOf(what, options);
      if (target.kind === 'proof') return ends(await showProof(terminal, target.text, options));
      const report =
        target.kind === 'log'
          ? await verifiedLog(terminal, target.source, options)
          : await serverReport(terminal, command, options, target.url);
      ends(showReport(terminal, report, options));
    });
  for (const option of [...keyOptions(), ...rangeOptions()]) command.addOption(option);
  return command;
}

/** The report of the server's own verification; without `url` of the one in the environment. */
export async function serverReport(
  terminal: Terminal,
  command: Command,
  options: Pick<VerifyOptions, 'vkey' | 'vkeyFile' | 'from' | 'to' | 'requireAnchor'>,
  url?: string,
): Promise<VerificationReport> {
  const api = apiOf(command, url);
  const { verifierKeys, pinned } = await keysFor(options);
  return serverVerification(api, {
    vkeys: pinned ? verifierKeys.map(verifierKeyText) : [],
    ...(options.from !== undefined && { from: options.from }),
    ...(options.to !== undefined && { to: options.to }),
    requireAnchor: options.requireAnchor,
    progress: (entries) => terminal.progress('entries verified by the server', entries),
  });
}

export function showReport(
  terminal: Terminal,
  report: VerificationReport,
  options: { requireAnchor: boolean },
): ExitCode {
  const code = exitOfReport(report, options);
  if (terminal.json) {
    terminal.printJson(report);
    return code;
  }
  terminal.print(reportText(report));
  terminal.print(nextStep(code, report), COLOR_OF[code]);
  return code;
}

const COLOR_OF = {
  [EXIT.ok]: 'green',
  [EXIT.broken]: 'red',
  [EXIT.incomplete]: 'yellow',
  [EXIT.unknownKey]: 'yellow',
  [EXIT.badInput]: 'red',
} as const;

function nextStep(code: ExitCode, { tier, keys, origin }: VerificationReport): string {
  if (code === EXIT.broken)
    return 'Keep a copy of what was read, and compare it with another one or an earlier export.';
  if (code === EXIT.unknownKey)
    return `Give the keys of ${origin} with --vkey, from a source other than the log itself.`;
  if (code === EXIT.incomplete && tier !== 'incomplete') {
    return 'An anchor was required, and none agrees: give the witnesses with --policy, or look at the server’s anchors.';
  }
  if (code === EXIT.incomplete) return 'Nothing is wrong with what could be checked; see above for what could not.';
  return keys === 'pinned'
    ? 'Entries after the checkpoint were not seen.'
    : 'The keys came from the log itself: pin them with --vkey to hold it to them.';
}

async function verifiedLog(
  terminal: Terminal,
  source: TlogSource,
  options: VerifyOptions,
): Promise<VerificationReport> {
  const { from, to, origin } = options;
  return logReport(source, {
    keys: await keysFor(options, source),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(origin !== undefined && { origin }),
    progress: (entries) => terminal.progress('entries verified', entries),
  });
}

async function showProof(terminal: Terminal, text: string, options: VerifyOptions): Promise<ExitCode> {
  const keys = await keysFor(options);
  const entry = options.entry === undefined ? undefined : new Uint8Array(await fileAt(options.entry));
  const proven = provenEntry(text, keys, entry);
  const anchored =
    keys.policy !== undefined && proven.witnesses.length > 0 && isWitnessed(keys.policy, new Set(proven.witnesses));
  if (terminal.json) terminal.printJson({ ...proven, anchored });
  else {
    terminal.print(`entry ${proven.index} of ${proven.origin}, in its tree of ${proven.size}`);
    terminal.print(`leaf hash ${proven.leaf_hash}; signed by ${proven.keys_used.join(', ')}`);
    for (const { by, time } of proven.seen) terminal.print(`seen by ${by} at ${time}`);
    if (proven.event !== null) terminal.print(JSON.stringify(proven.event, null, 2));
  }
  return options.requireAnchor && !anchored ? EXIT.incomplete : EXIT.ok;
}

async function targetOf(what: string, options: VerifyOptions): Promise<Target> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(what)) {
    const url = urlOf(what);
    if (/^\/*(api\/v1\/*)?$/.test(url.pathname)) return { kind: 'api', url: what };
    return { kind: 'log', source: httpLog({ url, token: await tokenOf(options) }) };
  }
  const found = await stat(what).catch(() => undefined);
  if (found?.isDirectory() === true) return { kind: 'log', source: folderLog(what) };
  if (found?.isFile() === true) return { kind: 'proof', text: (await fileAt(what)).toString('utf8') };
  throw new CliError('CLI.INPUT_NOT_FOUND', `expected an address, a folder of tiles or a proof file, found "${what}"`);
}

async function tokenOf({ tokenFile }: VerifyOptions): Promise<string | undefined> {
  if (tokenFile !== undefined) return (await fileAt(tokenFile)).toString('utf8').trim();
  return process.env['ASSAY_TOKEN'];
}

async function fileAt(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    throw new CliError('CLI.INPUT_UNREADABLE', `cannot read ${path}`, { cause });
  });
}
