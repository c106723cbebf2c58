import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningServer } from '#libs/testing';

const LOOK_EVERY_MS = 200;
const KIB_A_MIB = 1024;

/** The answer of an audit route to the operator's key; `body` makes it a POST. Rejects unless it is 2xx. */
export async function asked({ url, apiKey }: RunningServer, path: string, body?: object): Promise<unknown> {
  // A connection each: one that is kept may be closed by a busy server just when it is used again.
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', connection: 'close' };
  const init = body === undefined ? { headers } : { headers, method: 'POST', body: JSON.stringify(body) };
  const answer = await fetch(`${url}/api/v1/audit${path}`, init);
  if (!answer.ok) throw new Error(`expected 2xx, found ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

export interface VerifiedLedger {
  tier: string;
  entries: { expected: number; verified: number };
  batches: { expected: number; verified: number };
  breaks_total: number;
  duration_ms: number;
}

/** One verification of the operator's ledger from its order to its report. Rejects unless all of it is `consistent`. */
export async function verifiedLedger(server: RunningServer, entries: number): Promise<VerifiedLedger> {
  const { id } = (await asked(server, '/verifications', {})) as { id: string };
  for (;;) {
    await sleep(LOOK_EVERY_MS);
    const run = (await asked(server, `/verifications/${id}`)) as { state: string; report?: VerifiedLedger };
    if (run.state === 'queued' || run.state === 'running') continue;
    if (run.report?.tier === 'consistent' && run.report.entries.verified >= entries) return run.report;
    throw new Error(`expected ${entries} entries verified, found ${JSON.stringify(run).slice(0, 2_000)}`);
  }
}

/** The result of `work`, and the most anonymous memory that the process had meanwhile, in MiB. */
export async function peakDuring<T>(pid: number, work: () => Promise<T>): Promise<{ result: T; peak: number }> {
  let peak = anonymousMib(pid);
  const look = setInterval(() => (peak = Math.max(peak, anonymousMib(pid))), LOOK_EVERY_MS);
  try {
    return { result: await work(), peak };
  } finally {
    clearInterval(look);
  }
}

/** Heaps, stacks and buffers; file-backed pages, as those of a database that is mapped, are not in it. */
export function anonymousMib(pid: number): number {
  const [, kib] = /^Anonymous:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
  return Math.round(Number(kib) / KIB_A_MIB);
}

export const seconds = (ms: number): string => (ms / 1_000).toFixed(1);
