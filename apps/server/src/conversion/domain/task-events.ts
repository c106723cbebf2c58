import type { EventDraft } from '../../audit/index.js';
import type { Fact, Task } from './task.js';

/** The events of a transition, or of the task's creation. */
export function draftsOf(
  task: Pick<Task, 'id' | 'tenant' | 'project' | 'job_id' | 'request_id' | 'trace_id'>,
  facts: Fact[],
): EventDraft[] {
  const { id, tenant, project, job_id, request_id, trace_id } = task;
  return facts.map(({ kind, data, artifact_id }) => ({
    kind,
    scope: { tenant, ...(project !== undefined && { project }) },
    actor: { type: 'system', id: 'conversion' },
    refs: {
      job_id,
      task_id: id,
      ...(artifact_id !== undefined && { artifact_id }),
      ...(request_id !== undefined && { request_id }),
      ...(trace_id !== undefined && { trace_id }),
    },
    data,
  }));
}
