import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

/** Other ones on each run, all of them with KILL_ROUNDS. */
export function chosen<T>(steps: readonly T[], rounds: number): T[] {
  const most = Math.min(Number(process.env['KILL_ROUNDS'] ?? rounds), steps.length);
  const from = Math.floor(Math.random() * steps.length);
  return [...steps.slice(from), ...steps.slice(0, from)].slice(0, most);
}

/**
 * Runs a program of this folder until it says that it reached the step, and kills it there with `kill -9`. Resolves with
 * the lines it said before.
 */
export async function killedAt(program: string, given: { dataDir: string; step: string }): Promise<string[]> {
  const child = spawn(process.execPath, [resolve(__dirname, program), JSON.stringify(given)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'reached') child.kill('SIGKILL');
    else said.push(line);
  }
  await ended;
  expect({ step: given.step, signal: child.signalCode }).toEqual({ step: given.step, signal: 'SIGKILL' });
  return said;
}

export async function inDataFolder(work: (dataDir: string) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'assay-killed-'));
  try {
    await work(dataDir);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}
