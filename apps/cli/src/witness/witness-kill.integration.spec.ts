import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { parseVerifierKey, verifierKeyText, verifyNote } from '#libs/ledger';
import { SampleLog, temporaryFolder } from './witness.fixture.js';

const BUILT = pathToFileURL(
  resolve(import.meta.dirname, '../../../../dist/apps/cli/src/witness/witness.command.js'),
).href;
const LOG = new SampleLog();
const FORK = new SampleLog(LOG.origin, 'other');
const folder = temporaryFolder();

let child: ChildProcess | undefined;
afterEach(() => child?.kill('SIGKILL'));

async function started(): Promise<{ vkey: string; url: string }> {
  await writeFile(join(folder(), 'logs'), `${verifierKeyText(LOG.key)}\n`);
  const args = ['serve', '--listen', '127.0.0.1:0', '--name', 'w.example/1'];
  const files = [
    '--data',
    join(folder(), 'data'),
    '--key',
    join(folder(), 'witness.key'),
    '--logs',
    join(folder(), 'logs'),
  ];
  const program = `const { witnessCommand } = await import(${JSON.stringify(BUILT)});
    await witnessCommand().parseAsync(${JSON.stringify([...args, ...files])}, { from: 'user' });`;
  child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const vkey = (await lines.next()).value as string;
  const url = ((await lines.next()).value as string).replace('listening on ', '');
  return { vkey, url };
}

/** The status, and undefined when no answer came. */
async function post(url: string, body: string): Promise<{ status: number; text: string } | undefined> {
  return fetch(`${url}/add-checkpoint`, { method: 'POST', body }).then(
    async (answer) => ({ status: answer.status, text: await answer.text() }),
    () => undefined,
  );
}

/** Kills the witness as soon as it has made a turn; resolves when it is gone. */
async function killedAtNextTurn(): Promise<void> {
  const logs = join(folder(), 'data', 'logs');
  const watcher = watch(join(logs, (await readdir(logs))[0]!), (_event, name) => {
    if (/^\d{16}$/.test(name ?? '')) child!.kill('SIGKILL');
  });
  await once(child!, 'exit');
  watcher.close();
}

describe('assay witness serve, killed between persisting and answering', () => {
  it('never cosigns another root of the size it had persisted, and goes on from it', async () => {
    let size = 0;
    let lost = 0;
    for (; lost < 2; size++) {
      const { vkey, url } = await started();
      const killed = killedAtNextTurn();
      const answer = await post(url, LOG.request(size, size + 1));
      await killed;
      if (answer === undefined) lost++;

      const restarted = await started();
      expect(restarted.vkey).toBe(vkey);
      expect(await post(restarted.url, FORK.request(0, size + 1))).toEqual({ status: 409, text: `${size + 1}\n` });
      expect(await post(restarted.url, FORK.request(size + 1, size + 1))).toMatchObject({ status: 409 });
      expect(await post(restarted.url, LOG.request(size, size + 1))).toEqual({ status: 409, text: `${size + 1}\n` });
      const again = await post(restarted.url, LOG.request(size + 1, size + 1));
      expect(verifyNote(LOG.checkpoint(size + 1) + again!.text, [parseVerifierKey(vkey)]).verified).toHaveLength(1);
      const gone = once(child!, 'exit');
      child!.kill('SIGTERM');
      expect(await gone).toEqual([0, null]);
    }
  });
});
