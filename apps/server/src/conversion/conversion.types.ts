import type { Issue, Platform, Preprocess, QuantizationOptions } from './driver/driver.types.js';

export { PLATFORMS } from './driver/driver.types.js';
export type { Issue, Platform, Preprocess, QuantizationOptions } from './driver/driver.types.js';

/** What a job asks to be converted: objects in the store with their digests, and the caller's options. */
export interface ConversionInput {
  platform: Platform;
  model: { key: string; sha256: string; bytes: number };
  /** Ordered. `input` may be left out where the model has one input. */
  references: { key: string; sha256: string; input?: string }[];
  preprocess?: Partial<Preprocess>;
  /** Shapes for inputs whose dimensions the model leaves open. */
  input_shapes?: Record<string, number[]>;
  model_config?: { id?: number; version?: string };
  quantization?: Partial<QuantizationOptions>;
}

/** What a cheap look at a model found. The job is refused when an issue is an error. */
export interface Preflight {
  issues: Issue[];
  inputs: { name: string; shape: (number | string | null)[]; type: string }[];
}

/** The three stages a job shows; each groups stages of the driver. */
export const JOB_STAGES = ['ONNX', 'BIE', 'NEF'] as const;
export type JobStage = (typeof JOB_STAGES)[number];

export interface StageState {
  stage: JobStage;
  state: 'running' | 'done' | 'failed';
  started_at: string;
  finished_at?: string;
}

export interface TaskProgress {
  job_id: string;
  stage: JobStage | null;
  /** 0..1 over the whole task. */
  progress: number;
  stages: StageState[];
}

export interface TaskArtifact {
  id: string;
  kind: 'reference-package' | 'report-json' | 'report-html' | 'log';
  key: string;
  bytes: number;
  sha256: string;
  file_name: string;
  media_type: string;
  vendor: boolean;
}

export interface TaskError {
  class: 'user' | 'unsupported' | 'resource' | 'toolchain' | 'internal';
  /** Stable, snake_case. */
  code: string;
  stage: JobStage | null;
  message: string;
}

export interface ReportSummary {
  snr_db: number | null;
  exact: boolean;
  cosine: number | null;
  size_ratio: number;
  verdict: 'good' | 'review' | 'poor' | 'collapsed';
}

/** How a task ended; artifacts of a failed task are its log at most. */
export interface TaskOutcome {
  job_id: string;
  status: 'succeeded' | 'failed' | 'canceled';
  report?: ReportSummary;
  artifacts: TaskArtifact[];
  error?: TaskError;
}
