import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { Command } from 'commander';
import { codeOf } from '#libs/kernel';
import { verifierKeyText } from '#libs/ledger';
import { knownLogs } from './known-logs.js';
import { witnessKey } from './witness-key.js';
import { witnessServer } from './witness-server.js';
import { Witness } from './witness.js';
import { WitnessError } from './witness.errors.js';
import { WitnessedLogs } from './witnessed-logs.js';

interface ServeOptions {
  listen: string;
  data: string;
  key: string;
  logs: string;
  name: string;
}

/** `assay witness serve`: cosigns the checkpoints of logs, on a machine of someone else's. */
export function witnessCommand(): Command {
  const serve = new Command('serve')
    .description('answers add-checkpoint requests (C2SP tlog-witness) of the logs it knows')
    .requiredOption('--data <folder>', 'where what was cosigned is kept; losing it ends the use of the key')
    .requiredOption('--key <file>', 'private key, made on the first start (0600)')
    .requiredOption('--logs <file>', 'C2SP tlog-policy file, or verifier keys, one a line')
    .option('--listen <host:port>', 'port 0 takes a free one', '127.0.0.1:8181')
    .option('--name <name>', 'name of a key that is made now, such as witness.example.org/w1', hostname())
    .action(serveWitness);
  return new Command('witness').description('a witness of transparency logs').addCommand(serve);
}

/** Until SIGTERM or SIGINT. Prints the verifier key, then where it listens, then a line of JSON a request. */
async function serveWitness(options: ServeOptions): Promise<void> {
  const { host, port } = addressOf(options.listen);
  const logs = knownLogs(await logsFile(options.logs));
  const key = await witnessKey(options.key, options.name);
  const witnessed = await WitnessedLogs.open(options.data, logs.keys(), !key.made);
  const server = witnessServer(
    new Witness(key, logs, witnessed),
    (request) => print({ ts: new Date().toISOString(), ...request }),
    (error) =>
      print({ ts: new Date().toISOString(), status: 500, error_code: codeOf(error), error_message: String(error) }),
  );
  server.listen(port, host);
  await once(server, 'listening');
  const bound = server.address() as AddressInfo;
  const shown = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  process.stdout.write(`${verifierKeyText(key.verifierKey)}\nlistening on http://${shown}:${bound.port}\n`);
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  await closed;
}

async function logsFile(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    throw new WitnessError('WITNESS.LOGS_UNREADABLE', `expected a file of logs at ${path}`, { cause });
  });
}

function addressOf(listen: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(listen) ?? [];
  if (host !== '' && Number(port) <= 65_535) return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
  throw new WitnessError('WITNESS.LISTEN_INVALID', `expected --listen <host>:<port>, found "${listen}"`);
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
