import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program of this folder in a process of its own, which prints a line for each thing it did. */
export interface Program {
  process: ChildProcess;
  /** What it told so far; all of it once it was killed or has ended. */
  lines: readonly string[];
  /** Resolves when it has told of so many; of lines that begin so, where that is given. Rejects with its output when it ends before. */
  told(count: number, begin?: string): Promise<void>;
  /** With `kill -9`, wherever it is. Resolves when it is gone; may be called twice. */
  kill(): Promise<void>;
  /** Resolves when it ends by itself. Rejects with its output when it does so in another way than well. */
  ended(): Promise<void>;
}

export function startProgram(name: string, given: object): Program {
  const child = spawn(process.execPath, [resolve(__dirname, name), JSON.stringify(given)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const lines: string[] = [];
  let [begun, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const whole = `${begun}${chunk}`.split('\n');
    begun = whole.pop()!;
    lines.push(...whole);
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  const failed = (): Error => new Error(`${name} ended with ${child.exitCode ?? child.signalCode}: ${errors}`);
  return {
    process: child,
    lines,
    told: async (count, begin = '') => {
      while (lines.filter((line) => line.startsWith(begin)).length < count) {
        if (child.exitCode !== null || child.signalCode !== null) throw failed();
        await sleep(5);
      }
    },
    kill: async () => {
      child.kill('SIGKILL');
      await closed;
    },
    ended: async () => {
      await closed;
      if (child.exitCode !== 0) throw failed();
    },
  };
}
