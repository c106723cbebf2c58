import { derivedId } from '#libs/kernel';
import type { EventDraft, Requester } from '../../audit/index.js';
import type { JobArtifact, JobView } from '../../jobs/index.js';
import { TARGETS, type Promotion, type Target, type TargetName, type TargetState } from '../promote.types.js';

/** One promotion a job, so that asking twice names the same. */
export function promotionId(jobId: string): string {
  return derivedId(jobId, 'promotion');
}

/** What there is to promote of a completed job. */
export function targetsOf(job: Pick<JobView, 'tenant' | 'id' | 'artifact' | 'report_artifact'>): Promotion['targets'] {
  const { artifact, report_artifact } = job;
  return {
    ...(artifact && { result: targetOf(job, artifact) }),
    ...(report_artifact && { report: targetOf(job, report_artifact) }),
  };
}

function targetOf({ tenant, id }: Pick<JobView, 'tenant' | 'id'>, artifact: JobArtifact): Target {
  const { key, bytes, sha256, file_name } = artifact;
  return {
    state: 'pending',
    object_key: key,
    bytes,
    sha256,
    archive_name: `${tenant}/${id}/${archiveSegment(file_name)}`,
  };
}

/** A segment of a name in the archive: ASCII letters, digits, `.`, `_`, `-`, and no dot in front. */
export function archiveSegment(fileName: string): string {
  return fileName.replace(/[^A-Za-z0-9._-]/gu, '_').replace(/^\.+/, '') || 'file';
}

/** Failed when a target failed, success when all did well. */
export function stateOf(targets: Promotion['targets']): TargetState {
  const states = Object.values(targets).map(({ state }) => state);
  if (states.includes('failed')) return 'failed';
  return states.every((state) => state === 'success') ? 'success' : 'pending';
}

/** In the order of TARGETS. */
export function namesIn(targets: Promotion['targets']): TargetName[] {
  return TARGETS.filter((name) => targets[name] !== undefined);
}

type Subject = Pick<Promotion, 'tenant' | 'project' | 'job_id'>;

/** An event about this promotion; `data` as its kind declares. */
export function promotionEvent(kind: string, of: Subject, requester: Requester, data: EventDraft['data']): EventDraft {
  const { tenant, project, job_id } = of;
  const { actor, request_id } = requester;
  return {
    kind,
    scope: { tenant, ...(project !== undefined && { project }) },
    actor,
    refs: { job_id, correlation_id: promotionId(job_id), ...(request_id !== undefined && { request_id }) },
    data,
  };
}
