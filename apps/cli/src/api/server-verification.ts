import { setTimeout as sleep } from 'node:timers/promises';
import type { VerificationReport } from '#libs/ledger';
import { CliError } from '../cli.errors.js';
import type { Api } from './api.js';

export interface ServerVerificationOptions {
  from?: number;
  to?: number;
  vkeys: readonly string[];
  requireAnchor: boolean;
  progress(entries: { done: number; of: number | null }): void;
}

interface Verification {
  id: string;
  state: 'queued' | 'running' | 'done' | 'canceled' | 'failed';
  progress: { done: number; total: number | null };
  error: { code: string } | null;
  report?: VerificationReport;
}

const LOOK_EVERY_MS = 500;

/** Has the server verify the ledger of the key's tenant. Throws CLI.VERIFICATION_ENDED when it ends without a report. */
export async function serverVerification(api: Api, options: ServerVerificationOptions): Promise<VerificationReport> {
  const { from, to, vkeys, requireAnchor } = options;
  let run = await api.post<Verification>('/audit/verifications', {
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    vkeys,
    require_anchor: requireAnchor,
  });
  while (run.state === 'queued' || run.state === 'running') {
    options.progress({ done: run.progress.done, of: run.progress.total });
    await sleep(LOOK_EVERY_MS);
    run = await api.get<Verification>(`/audit/verifications/${run.id}`);
  }
  if (run.report !== undefined) return run.report;
  const why = run.error === null ? run.state : `${run.state} with ${run.error.code}`;
  throw new CliError('CLI.VERIFICATION_ENDED', `verification ${run.id} ended without a report: ${why}; start it again`);
}
