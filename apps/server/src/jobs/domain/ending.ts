import type { EventDraft } from '../../audit/index.js';
import type { TaskOutcome } from '../../conversion/index.js';
import type { Job, JobArtifact } from '../jobs.types.js';
import { resultFileName, stemOf } from './file-name.js';
import type { Ending, Finished } from './job.js';
import { refsOf } from './submission.js';

/** How the job ends when its task ended so. A success without a package is a failure of ours. */
export function endingOf(job: Pick<Job, 'model' | 'platform'>, outcome: TaskOutcome): Ending {
  if (outcome.status === 'canceled') return { status: 'canceled' };
  const { report, error } = outcome;
  const artifact = outcome.artifacts.find(({ kind }) => kind === 'reference-package');
  const reportFile = outcome.artifacts.find(({ kind }) => kind === 'report-json');
  if (outcome.status === 'failed' || !artifact || !report) {
    const missing = { class: 'internal', code: 'outcome_incomplete', stage: null } as const;
    return {
      status: 'failed',
      error: error ?? { ...missing, message: 'expected a package and a report, found neither' },
    };
  }
  const name = resultFileName(job.model.name, job.platform, artifact.kind);
  return {
    status: 'succeeded',
    report,
    artifact: named(artifact, name),
    ...(reportFile && { report_artifact: named(reportFile, `${stemOf(name.replace(/\.zip$/, ''))}.report.json`) }),
  };
}

export function endingEvent(id: string, job: Job, change: Finished): EventDraft {
  const duration_ms = Math.max(0, change.finished_at.getTime() - job.created_at.getTime());
  const common = {
    id,
    ts: change.finished_at.toISOString(),
    scope: { tenant: job.tenant, ...(job.project !== undefined && { project: job.project }) },
    actor: { type: 'system', id: 'jobs' } as const,
    refs: refsOf(job),
  };
  const { artifact, report, error } = change;
  if (artifact && report) {
    const { snr_db, cosine, size_ratio, verdict } = report;
    return {
      kind: 'job.finished',
      ...common,
      data: {
        duration_ms,
        artifact_sha256: artifact.sha256,
        artifact_bytes: artifact.bytes,
        verdict,
        size_ratio,
        ...(snr_db !== null && { snr_db }),
        ...(cosine !== null && { cosine }),
      },
    };
  }
  if (!error) return { kind: 'job.canceled', ...common, data: { duration_ms } };
  const { class: error_class, code: error_code, stage } = error;
  return {
    kind: 'job.failed',
    ...common,
    data: { duration_ms, error_class, error_code, ...(stage !== null && { stage }) },
  };
}

function named({ kind, key, bytes, sha256, media_type }: TaskOutcome['artifacts'][number], name: string): JobArtifact {
  return { kind, key, bytes, sha256, media_type, file_name: name };
}
