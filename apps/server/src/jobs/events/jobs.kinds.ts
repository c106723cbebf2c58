import { eventKinds } from '#libs/ledger';
import { PRIORITIES } from '../jobs.types.js';

const conversionEnd = { duration_ms: 'count' } as const;

/** What this room says happened. `stage_started` and `stage_finished` of a job are conversion's. */
export const jobsEventKinds = eventKinds({
  'upload.received': {
    schema: 1,
    data: {
      model_sha256: 'digest',
      model_bytes: 'count',
      model_name_sha256: 'digest',
      ref_images_count: 'count',
      ref_images_bytes: 'count',
    },
  },
  'job.created': {
    schema: 1,
    data: {
      platform: 'code',
      priority: { oneOf: PRIORITIES },
      user_id: 'person',
      client_reference: { optional: 'person' },
      model_sha256: 'digest',
      ref_images_count: 'count',
    },
  },
  'job.finished': {
    schema: 1,
    data: {
      ...conversionEnd,
      artifact_sha256: 'digest',
      artifact_bytes: 'count',
      verdict: { oneOf: ['good', 'review', 'poor', 'collapsed'] },
      snr_db: { optional: 'number' },
      cosine: { optional: 'number' },
      size_ratio: { optional: 'number' },
    },
  },
  'job.failed': {
    schema: 1,
    data: { ...conversionEnd, error_class: 'code', error_code: 'code', stage: { optional: 'code' } },
  },
  'job.canceled': { schema: 1, data: conversionEnd },
});
