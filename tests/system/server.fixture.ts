import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fixtureCnn, fixtureImages, type RunningServer } from '#libs/testing';

export interface Job {
  id: string;
  status: 'queued' | 'running' | 'completed' | 'failed' | 'canceled' | 'expired';
  result: { bytes: number; sha256: string; file_name: string } | null;
  error: { code: string } | null;
}

export interface LedgerEntry {
  seq: number;
  event: { id: string; kind: string; refs?: { job_id?: string }; data: Record<string, unknown> };
}

export const get = (server: RunningServer, path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${server.url}/api/v1${path}`, { headers: { authorization: `Bearer ${server.apiKey}`, ...headers } });

/** What `POST /jobs` wants, of the fixture network and a few images. Each user may have one active job. */
export async function submission(userId: string, model: Uint8Array = fixtureCnn()): Promise<FormData> {
  const form = new FormData();
  form.set('platform', '720');
  form.set('user_id', userId);
  form.set('model', new Blob([model]), 'fixture.onnx');
  for (const [index, png] of (await fixtureImages(4)).entries()) {
    form.append('ref_images[]', new Blob([png], { type: 'image/png' }), `image-${index}.png`);
  }
  return form;
}

/** Resolves once it is acknowledged with 202. */
export async function submitted(server: RunningServer, form: FormData): Promise<Job> {
  const answer = await fetch(`${server.url}/api/v1/jobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.apiKey}` },
    body: form,
  });
  const body: unknown = await answer.json();
  if (answer.status !== 202) throw new Error(`expected 202, found ${answer.status}: ${JSON.stringify(body)}`);
  return body as Job;
}

/** The job once it has ended. */
export async function endedJob(server: RunningServer, id: string): Promise<Job> {
  for (;;) {
    const answer = await get(server, `/jobs/${id}`, { prefer: 'wait=30' });
    if (answer.status !== 200) throw new Error(`expected 200 for the job ${id}, found ${answer.status}`);
    const job = (await answer.json()) as Job;
    if (!['queued', 'running'].includes(job.status)) return job;
  }
}

/** The tenant's whole ledger, oldest first. */
export async function ledgerOf(server: RunningServer): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  for (let after = -1; ;) {
    const page = (await (await get(server, `/audit/events?limit=1000&after_seq=${after}`)).json()) as {
      events: LedgerEntry[];
      next_after_seq: number;
    };
    if (page.events.length === 0) return entries;
    entries.push(...page.events);
    after = page.next_after_seq;
  }
}

/** Looks again every few milliseconds until it holds; the test's own limit ends it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(10);
}

/** Every file and folder below, the folder itself as `.`, with its permission bits. */
export function modesIn(folder: string): Record<string, string> {
  const names = ['.', ...(readdirSync(folder, { recursive: true }) as string[])];
  return Object.fromEntries(names.map((name) => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)]));
}

/** A process by what it is called and when it was started: a number alone may be used again. */
export interface ProcessMark {
  pid: number;
  started: string;
}

/** All processes that descend from this one now, by /proc. */
export function descendants(pid: number): ProcessMark[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => processOf(Number(name)) ?? []);
  const below = (parent: number): ProcessMark[] =>
    all.filter(({ ppid }) => ppid === parent).flatMap((child) => [child, ...below(child.pid)]);
  return below(pid).map(({ pid: id, started }) => ({ pid: id, started }));
}

export function isRunning({ pid, started }: ProcessMark): boolean {
  return processOf(pid)?.started === started;
}

/** proc(5): after the name in brackets come state, parent and, as the 22nd field, the start time. Zombies are gone. */
function processOf(pid: number): (ProcessMark & { ppid: number }) | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : { pid, ppid: Number(fields[1]), started: fields[19]! };
  } catch {
    return undefined;
  }
}
