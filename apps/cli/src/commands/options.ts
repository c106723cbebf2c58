import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { Api } from '../api/api.js';
import { CliError } from '../cli.errors.js';
import { Terminal } from '../terminal.js';

/** What every command takes. */
export interface GlobalOptions {
  json: boolean;
  color: boolean;
  progress: boolean;
  server?: string;
}

export const globalOptions = (): Option[] => [
  new Option('--json', 'results as JSON, one line each').default(false),
  new Option('--no-color', 'plain text; also by NO_COLOR'),
  new Option('--progress', 'tell of long work also where standard error is no terminal').default(false),
  new Option('--server <url>', 'address of the server').env('ASSAY_SERVER'),
];

export function terminalOf(command: Command): Terminal {
  const { json, color, progress } = command.optsWithGlobals<GlobalOptions>();
  return new Terminal({ json, color: color && !process.env['NO_COLOR'], progress });
}

/** What the API answered, as it is. */
export function printAnswer(command: Command, answer: unknown): void {
  const terminal = terminalOf(command);
  if (terminal.json) terminal.printJson(answer);
  else terminal.print(JSON.stringify(answer, null, 2));
}

/** The server of --server or ASSAY_SERVER, unless one is given, with the key of ASSAY_API_KEY. */
export function apiOf(command: Command, server = command.optsWithGlobals<GlobalOptions>().server): Api {
  if (server === undefined) {
    throw new CliError('CLI.SERVER_MISSING', 'expected the address of a server in --server or ASSAY_SERVER');
  }
  const key = process.env['ASSAY_API_KEY'];
  if (key === undefined || key === '') {
    throw new CliError('CLI.CREDENTIAL_MISSING', 'expected an API key in the environment, as ASSAY_API_KEY');
  }
  return new Api({ server: urlOf(server), key });
}

export function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' || url?.protocol === 'http:') {
    if (url.username === '' && url.password === '') return url;
    throw new CliError('CLI.URL_INVALID', 'an address holds no credential; give it in the environment');
  }
  throw new CliError('CLI.URL_INVALID', `expected an address of http or https, found "${text}"`);
}

/** A seq, a size or a count. */
export function wholeNumber(text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('expected a whole number from 0 to 2^53-1');
}

export const collected = (value: string, before: readonly string[]): string[] => [...before, value];
