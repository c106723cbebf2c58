import { createHash } from 'node:crypto';
import type { ErrorDetail } from '#libs/kernel';
import type { Refs } from '#libs/ledger';
import type { EventDraft, Requester } from '../../audit/index.js';
import type { Issue } from '../../conversion/index.js';
import type { Job, JobRequest, JobWarning, ModelFile, ReferenceImage } from '../jobs.types.js';

/** The job that a submission makes. */
export function queuedJob(
  id: string,
  { tenant, request_id, trace_id }: Requester,
  request: JobRequest,
  files: { model: ModelFile; images: ReferenceImage[]; warnings: JobWarning[] },
  at: Date,
): Job {
  return {
    id,
    tenant,
    ...(request_id !== undefined && { request_id }),
    ...(trace_id !== undefined && { trace_id }),
    ...request,
    status: 'QUEUED',
    ...files,
    created_at: at,
    updated_at: at,
  };
}

export function submissionEvents(job: Job, actor: Requester['actor']): EventDraft[] {
  const common = {
    ts: job.created_at.toISOString(),
    scope: { tenant: job.tenant, ...(job.project !== undefined && { project: job.project }) },
    actor,
    refs: refsOf(job),
  };
  const { model, images } = job;
  const received = {
    model_sha256: model.sha256,
    model_bytes: model.bytes,
    model_name_sha256: createHash('sha256').update(model.name).digest('hex'),
    ref_images_count: images.length,
    ref_images_bytes: images.reduce((sum, { bytes }) => sum + bytes, 0),
  };
  const created = {
    platform: job.platform,
    priority: job.priority,
    user_id: job.user_id,
    ...(job.client_reference !== undefined && { client_reference: job.client_reference }),
    model_sha256: model.sha256,
    ref_images_count: images.length,
  };
  return [
    { kind: 'upload.received', ...common, data: received },
    { kind: 'job.created', ...common, data: created },
  ];
}

/** What every event of a job refers to. */
export function refsOf({ id, request_id, trace_id }: Job): Refs {
  return {
    job_id: id,
    ...(request_id !== undefined && { request_id }),
    ...(trace_id !== undefined && { trace_id }),
  };
}

/** What pre-flight refuses, one detail an issue; empty when the model may be converted. */
export function refusals(issues: readonly Issue[]): ErrorDetail[] {
  return issues
    .filter(({ severity }) => severity === 'error')
    .map(({ code, message, where, hint }) => ({
      pointer: '/model',
      code,
      detail: [where === undefined ? message : `${where}: ${message}`, hint].filter(Boolean).join('; '),
    }));
}

/**
 * What is wrong with the images for a model with these inputs: with several inputs each image names its own, and
 * every input gets the same number.
 */
export function imageFaults(images: readonly ReferenceImage[], inputs: readonly string[]): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  const counts = new Map(inputs.map((input) => [input, 0]));
  for (const [index, { input = inputs.length === 1 ? inputs[0] : undefined }] of images.entries()) {
    const pointer = `/ref_images/${index}`;
    if (input === undefined) {
      const detail = `expected ref_images[<input>] with one of ${inputs.join(', ')}, found no input`;
      faults.push({ pointer, code: 'input_required', detail });
    } else if (!counts.has(input)) {
      const detail = `expected one of ${inputs.join(', ')}, found an input that the model does not have`;
      faults.push({ pointer, code: 'input_mismatch', detail });
    } else counts.set(input, counts.get(input)! + 1);
  }
  if (faults.length === 0 && new Set(counts.values()).size > 1) {
    const found = [...counts].map(([input, count]) => `${input} ${count}`).join(', ');
    const detail = `expected as many images for every input, found ${found}`;
    faults.push({ pointer: '/ref_images', code: 'input_mismatch', detail });
  }
  return faults;
}

/** What the requester should know about a job that is accepted. */
export function submissionWarnings(issues: readonly Issue[], images: readonly ReferenceImage[]): JobWarning[] {
  const warnings = issues
    .filter(({ severity }) => severity === 'warning')
    .map(({ code, message, where }) => ({ code, message: where === undefined ? message : `${where}: ${message}` }));
  if (images.length > 0 || warnings.some(({ code }) => code === 'no_reference_images')) return warnings;
  const message = 'calibrated on a seeded synthetic range; the verdict is never better than review';
  return [...warnings, { code: 'no_reference_images', message }];
}
