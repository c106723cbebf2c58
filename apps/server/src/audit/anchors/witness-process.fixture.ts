import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const COMMAND = pathToFileURL(
  resolve(import.meta.dirname, '../../../../../dist/apps/cli/src/witness/witness.command.js'),
).href;

/** `assay witness serve` in a process of its own, on a free port, with everything it keeps below `folder`. */
export interface RunningWitness {
  vkey: string;
  url: string;
  /** `kill -9`. */
  kill(): Promise<void>;
}

/** `logs`: the verifier keys of the logs it knows. */
export async function startWitness(folder: string, name: string, logs: readonly string[]): Promise<RunningWitness> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'logs'), logs.map((vkey) => `${vkey}\n`).join(''));
  const files = ['--data', join(folder, 'data'), '--key', join(folder, 'key'), '--logs', join(folder, 'logs')];
  const args = ['serve', '--listen', '127.0.0.1:0', '--name', name, ...files];
  const program = `const { witnessCommand } = await import(${JSON.stringify(COMMAND)});
    await witnessCommand().parseAsync(${JSON.stringify(args)}, { from: 'user' });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const vkey = (await lines.next()).value as string;
  const url = ((await lines.next()).value as string).replace('listening on ', '');
  child.stdout.resume();
  return {
    vkey,
    url,
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
