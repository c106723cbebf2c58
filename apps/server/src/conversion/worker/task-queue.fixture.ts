import type { EventDraft, SealedEvent } from '../../audit/index.js';
import { uuidv7 } from '#libs/kernel';
import type { ReportSummary, TaskArtifact } from '../conversion.types.js';
import { queuedTask, type Task } from '../domain/task.js';
import type { QueuePorts } from './task-queue.js';

/** Short, so that a test sees a lease run out. */
export const TIMES = { leaseMs: 1_000, heartbeatMs: 200 };

/** Ports that keep the drafts as the events' bytes and record nothing. */
export const plainPorts: QueuePorts = {
  seal: async (drafts) => drafts.map(sealed),
  drain: async () => {},
};

export function sealed(draft: EventDraft): SealedEvent {
  const bytes = new TextEncoder().encode(JSON.stringify(draft));
  return { id: draft.id ?? uuidv7(), tenant: draft.scope.tenant, kind: draft.kind, bytes };
}

export function taskOf(id: string, tenant: string, now: Date): Task {
  const input = { platform: '520', model: { key: 'm', sha256: 'a'.repeat(64), bytes: 1 }, references: [] } as const;
  return queuedTask(id, { tenant, job_id: `job-${id}`, input: { ...input, references: [] } }, now).task;
}

export const someReport: ReportSummary = {
  snr_db: 36,
  exact: false,
  cosine: 0.999,
  size_ratio: 3.2,
  verdict: 'good',
};

export function packageOf(task: Task): TaskArtifact {
  const key = `tenants/${task.tenant}/jobs/${task.job_id}/work/${task.token}/out.kref.zip`;
  const file = { file_name: 'out.kref.zip', media_type: 'application/zip', vendor: false } as const;
  return { id: uuidv7(), kind: 'reference-package', key, bytes: 1, sha256: 'b'.repeat(64), ...file };
}
