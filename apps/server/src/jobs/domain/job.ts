import type { ConversionInput, TaskProgress } from '../../conversion/index.js';
import type {
  ExternalStatus,
  Job,
  JobArtifact,
  JobError,
  JobReport,
  JobStage,
  JobStatus,
  JobView,
} from '../jobs.types.js';

const STAGES: readonly JobStatus[] = ['ONNX', 'BIE', 'NEF'] satisfies JobStage[];

/** A user has at most one job in one of these. */
export const ACTIVE_STATUSES: readonly JobStatus[] = ['QUEUED', ...STAGES];

export const EXTERNAL_STATUSES = ['queued', 'running', 'completed', 'failed', 'canceled', 'expired'] as const;

/** `in_progress` means queued or running. */
type StatusFilter = ExternalStatus | 'in_progress';

export function isActive(status: JobStatus): boolean {
  return ACTIVE_STATUSES.includes(status);
}

export function externalStatus(status: JobStatus): ExternalStatus {
  switch (status) {
    case 'QUEUED':
      return 'queued';
    case 'ONNX':
    case 'BIE':
    case 'NEF':
      return 'running';
    case 'COMPLETED':
      return 'completed';
    case 'FAILED':
      return 'failed';
    case 'CANCELED':
      return 'canceled';
    case 'EXPIRED':
      return 'expired';
  }
}

/** The status of an active job follows its conversion, which knows the stage first. */
function currentStatus(status: JobStatus, stage: JobStage | null | undefined): JobStatus {
  return isActive(status) && stage ? stage : status;
}

export function jobView(job: Job, progress: TaskProgress | undefined): JobView {
  const status = currentStatus(job.status, progress?.stage);
  return {
    ...job,
    status,
    external_status: externalStatus(status),
    ...(progress && { progress }),
    conversion: conversionInput(job),
  };
}

/** What the conversion needs to know of a job. */
export function conversionInput(
  job: Pick<Job, 'platform' | 'model' | 'images' | 'preprocess' | 'input_shapes'>,
): ConversionInput {
  const { platform, model, images, preprocess, input_shapes } = job;
  return {
    platform,
    model: { key: model.key, sha256: model.sha256, bytes: model.bytes },
    references: images.map(({ key, sha256, input }) => ({ key, sha256, ...(input !== undefined && { input }) })),
    ...(preprocess && { preprocess }),
    ...(input_shapes && { input_shapes }),
  };
}

/** The internal statuses that a filter asks for. */
export function statusesOf(filter: StatusFilter): JobStatus[] {
  if (filter === 'in_progress') return [...ACTIVE_STATUSES];
  const all: JobStatus[] = [...ACTIVE_STATUSES, 'COMPLETED', 'FAILED', 'CANCELED', 'EXPIRED'];
  return all.filter((status) => externalStatus(status) === filter);
}

/** How the conversion of a job ended. */
export type Ending =
  | { status: 'succeeded'; report: JobReport; artifact: JobArtifact; report_artifact?: JobArtifact }
  | { status: 'failed'; error: JobError }
  | { status: 'canceled' };

/** What of the job changes at its end. */
export type Finished = Pick<Job, 'status' | 'report' | 'artifact' | 'report_artifact' | 'error'> & {
  finished_at: Date;
};

/** The change that ends an active job; null when it has ended already, so that hearing it twice changes nothing. */
export function finished(status: JobStatus, ending: Ending, at: Date): Finished | null {
  if (!isActive(status)) return null;
  switch (ending.status) {
    case 'succeeded': {
      const { report, artifact, report_artifact } = ending;
      return { status: 'COMPLETED', finished_at: at, report, artifact, ...(report_artifact && { report_artifact }) };
    }
    case 'failed':
      return { status: 'FAILED', finished_at: at, error: ending.error };
    case 'canceled':
      return { status: 'CANCELED', finished_at: at };
  }
}
