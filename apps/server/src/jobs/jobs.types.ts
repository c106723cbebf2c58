import type { ConversionInput, TaskOutcome, TaskProgress } from '../conversion/index.js';

/** QUEUED, then the stage the conversion is at, then one of the four ends. */
export type JobStatus = 'QUEUED' | JobStage | 'COMPLETED' | 'FAILED' | 'CANCELED' | 'EXPIRED';

export type JobStage = NonNullable<TaskProgress['stage']>;

/** What the outside sees: the stages are one `running`, with the stage and the progress beside it. */
export type ExternalStatus = 'queued' | 'running' | 'completed' | 'failed' | 'canceled' | 'expired';

export const PRIORITIES = ['low', 'normal', 'high'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** One stored upload. */
export interface StoredFile {
  /** In the object store. */
  key: string;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
}

/** The model as uploaded; `name` is sanitised, and the stem of the result's name. */
export interface ModelFile extends StoredFile {
  name: string;
}

/** A reference image; `input` names the model's input it is for. */
export interface ReferenceImage extends StoredFile {
  input?: string;
}

/** What the requester asked for, validated. */
export interface JobRequest {
  platform: ConversionInput['platform'];
  user_id: string;
  project?: string;
  client_reference?: string;
  labels: string[];
  /** What differs from the driver's presets. */
  preprocess?: NonNullable<ConversionInput['preprocess']>;
  /** Shapes for inputs whose dimensions the model leaves open. */
  input_shapes?: NonNullable<ConversionInput['input_shapes']>;
  priority: Priority;
}

export type JobReport = NonNullable<TaskOutcome['report']>;

export type JobError = NonNullable<TaskOutcome['error']>;

/** What a finished job gives: the package, or another file of the conversion. */
export interface JobArtifact extends StoredFile {
  kind: string;
  file_name: string;
  media_type: string;
}

export interface JobWarning {
  code: string;
  message: string;
}

/** A job as it stands in the store. */
export interface Job extends JobRequest {
  id: string;
  tenant: string;
  /** Of the request that submitted it. */
  request_id?: string;
  /** Of that request's trace: the conversion continues it, whoever starts it. */
  trace_id?: string;
  status: JobStatus;
  model: ModelFile;
  images: ReferenceImage[];
  warnings: JobWarning[];
  created_at: Date;
  updated_at: Date;
  finished_at?: Date;
  report?: JobReport;
  /** What `GET /jobs/:id/result` gives. */
  artifact?: JobArtifact;
  /** What `GET /jobs/:id/report` gives: `report.json` of the conversion. */
  report_artifact?: JobArtifact;
  error?: JobError;
}

/** A job with what only the conversion knows: progress is at most as old as a worker's last heartbeat. */
export interface JobView extends Job {
  external_status: ExternalStatus;
  progress?: TaskProgress;
  conversion: ConversionInput;
}
