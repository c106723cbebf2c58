import { eventKinds } from '#libs/ledger';
import { JOB_STAGES, PLATFORMS } from '../conversion.types.js';

const stage = { oneOf: JOB_STAGES.map((name) => name.toLowerCase()) } as const;
const attempt = { token: 'count', attempt: 'count' } as const;

/** What happens to a task, and to its job's stages while the task runs. Progress is not recorded. */
export const conversionEventKinds = eventKinds({
  'task.created': { schema: 1, data: { platform: { oneOf: PLATFORMS }, references: 'count' } },
  'task.claimed': { schema: 1, data: attempt },
  /** The lease ran out: the worker was gone or silent. */
  'task.lost': { schema: 1, data: attempt },
  /** The worker gave it back before it ended; the attempt does not count. */
  'task.released': { schema: 1, data: attempt },
  /** A failure that may pass; the task waits for its next attempt. */
  'task.retried': { schema: 1, data: { ...attempt, error_code: 'code', delay_ms: 'count' } },
  'task.cancel_requested': { schema: 1, data: {} },
  /** Given up after the last attempt. */
  'task.dead': { schema: 1, data: { attempts: 'count', error_code: 'code' } },
  'task.finished': {
    schema: 1,
    data: {
      status: { oneOf: ['succeeded', 'failed', 'canceled'] },
      token: 'count',
      error_class: { optional: 'code' },
      error_code: { optional: 'code' },
    },
  },
  'artifact.created': { schema: 1, data: { kind: 'code', sha256: 'digest', bytes: 'count', vendor: 'boolean' } },
  'job.stage_started': { schema: 1, data: { stage, token: 'count' } },
  'job.stage_finished': { schema: 1, data: { stage, token: 'count', ok: 'boolean', duration_ms: 'count' } },
});
