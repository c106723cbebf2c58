import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Acknowledged {
  tenant: string;
  id: string;
  seq: number;
}

export interface WriterOptions {
  dataDir: string;
  uri?: string;
  total: number;
  callers: number;
  roles: string;
  /** The sample tenant when absent. */
  tenants?: readonly string[];
}

/** `ledger-writer.mjs` in a process of its own. */
export interface Writer {
  process: ChildProcess;
  /** What it has been told so far is durable. */
  acknowledged(): Acknowledged[];
  /** How many that is. */
  count(): number;
  /** Resolves when at least this many are acknowledged. Rejects with its output when it ends before. */
  reached(count: number): Promise<void>;
  ended(): Promise<void>;
}

export function startWriter(options: WriterOptions): Writer {
  const program = resolve(__dirname, 'ledger-writer.mjs');
  const child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let errors = '';
  let counted = 0;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    counted += chunk.split('\n').length - 1;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  const lines = (): string[] => text.split('\n').slice(0, -1);
  return {
    process: child,
    acknowledged: () =>
      lines().map((line) => {
        const [tenant, id, seq] = line.split(' ');
        return { tenant: tenant!, id: id!, seq: Number(seq) };
      }),
    count: () => counted,
    reached: async (count) => {
      while (counted < count) {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the writer ended: ${errors}`);
        await sleep(5);
      }
    },
    ended: async () => {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
      if (child.exitCode !== 0)
        throw new Error(`the writer ended with ${child.exitCode ?? child.signalCode}: ${errors}`);
    },
  };
}
