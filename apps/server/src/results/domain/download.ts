import { createHash } from 'node:crypto';
import { uuidv7Time } from '#libs/kernel';
import type { EventDraft } from '../../audit/index.js';
import type { Download, Ending } from '../results.types.js';

export function startedEvent(download: Download): EventDraft {
  return { kind: 'result.started', ...common(download), data: subject(download) };
}

export function endedEvent(download: Download, { outcome, sent_bytes, error_code }: Ending, at: Date): EventDraft {
  return {
    kind: `result.${outcome}`,
    ...common(download),
    ts: at.toISOString(),
    data: {
      ...subject(download),
      ...(sent_bytes !== undefined && { sent_bytes }),
      stream_completed: outcome === 'success',
      duration_ms: Math.max(0, at.getTime() - uuidv7Time(download.id)),
      ...(error_code !== undefined && { error_code }),
    },
  };
}

function common({ id, tenant, project, actor, job_id, request_id }: Download) {
  return {
    scope: { tenant, ...(project !== undefined && { project }) },
    actor,
    refs: { job_id, correlation_id: id, ...(request_id !== undefined && { request_id }) },
  };
}

function subject({ object_key, file_name, sha256, bytes }: Download) {
  return {
    object_key_sha256: digest(object_key),
    file_name_sha256: digest(file_name),
    artifact_sha256: sha256,
    size_bytes: bytes,
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
