import { createHash } from 'node:crypto';
import type { JobArtifact, JobView } from '../jobs.types.js';

/** The one shape of a job, wherever it is shown. */
export type JobResource = ReturnType<typeof jobResource>;

export function jobResource(job: JobView) {
  const { progress, model, images } = job;
  const self = `/api/v1/jobs/${job.id}`;
  const stage = job.external_status === 'running' ? job.status.toLowerCase() : null;
  return {
    id: job.id,
    status: job.external_status,
    stage,
    progress: job.status === 'COMPLETED' ? 1 : (progress?.progress ?? 0),
    stages: (progress?.stages ?? []).map(({ stage: name, state, started_at, finished_at }) => ({
      name: name.toLowerCase(),
      state,
      started_at,
      finished_at: finished_at ?? null,
    })),
    platform: job.platform,
    user_id: job.user_id,
    project: job.project ?? null,
    client_reference: job.client_reference ?? null,
    labels: job.labels,
    priority: job.priority,
    preprocess: preprocessResource(job.preprocess),
    input_shapes: job.input_shapes ?? null,
    model: { file_name: model.name, bytes: model.bytes, sha256: model.sha256 },
    ref_images: { count: images.length, bytes: images.reduce((sum, { bytes }) => sum + bytes, 0) },
    warnings: job.warnings,
    report: job.report ?? null,
    result: job.artifact ? resultResource(job.artifact) : null,
    error: job.error ? { ...job.error, stage: job.error.stage?.toLowerCase() ?? null } : null,
    created_at: job.created_at.toISOString(),
    updated_at: job.updated_at.toISOString(),
    finished_at: job.finished_at?.toISOString() ?? null,
    links: { self, result: `${self}/result`, report: `${self}/report` },
  };
}

/** Strong (RFC 9110 §8.8.3): equal tags mean equal bytes of the resource. */
export function etagOf(resource: JobResource): string {
  return `"${createHash('sha256').update(JSON.stringify(resource)).digest('base64url')}"`;
}

function resultResource({ kind, file_name, media_type, bytes, sha256 }: JobArtifact) {
  return { kind, file_name, media_type, bytes, sha256 };
}

function preprocessResource(preprocess: JobView['preprocess']) {
  if (!preprocess) return null;
  const { padValue, ...same } = preprocess;
  return { ...same, ...(padValue !== undefined && { pad_value: padValue }) };
}
