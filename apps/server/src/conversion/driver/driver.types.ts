/** The contract between the queue and whatever converts. A driver runs in a child process, one per task. */

export const PLATFORMS = ['520', '530', '630', '720', '730'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** The only driver so far; another is registered in drivers/registry.ts and chosen here by platform. */
export const DRIVER = 'reference';

export const STAGES = ['validate', 'optimize', 'evaluate', 'quantize', 'verify', 'compile', 'package'] as const;
export type Stage = (typeof STAGES)[number];

export type ArtifactKind =
  | 'onnx-optimized'
  | 'onnx-int8-reference'
  | 'bie'
  | 'nef'
  | 'vendor-report'
  | 'report-json'
  | 'report-html'
  | 'reference-package'
  | 'log';

export interface Issue {
  code: string;
  severity: 'error' | 'warning' | 'info';
  message: string;
  /** The node or input it is about. */
  where?: string;
  hint?: string;
}

export interface Preprocess {
  resize: 'stretch' | 'letterbox';
  pad: 'corner' | 'symmetric';
  /** 0..255, for letterbox. */
  padValue: number;
  channels: 'RGB' | 'BGR' | 'L';
  crop?: { x: number; y: number; w: number; h: number };
  normalize: 'kneron' | 'tensorflow' | 'yolo' | 'pytorch' | 'caffe' | 'none' | { mean: number[]; std: number[] };
}

export type Bitwidth = 'int8' | 'int16' | 'int4' | 'mix balance' | 'mix light' | 'mixbw';

export interface QuantizationOptions {
  datapath: Exclude<Bitwidth, 'int4'>;
  weight: Bitwidth;
  range: 'minmax' | 'percentage' | 'mse' | 'mmse';
  /** Share of values kept, 0..1, for `percentage`. */
  percentage?: number;
  percentage16b?: number;
  percentile?: number;
  outlierFactor?: number;
  mode?: 'default' | 'post_sigmoid';
  optimize?: 0 | 1 | 2 | 3 | 4;
  analysisMode?: 1 | 2 | 3;
  compilerTiling?: 'default' | 'deep_search';
  threads?: number;
  scheme?: 'asymmetric' | 'symmetric' | 'symmetric-pow2';
  perChannel?: boolean;
  excludeNodes?: string[];
}

export interface ConversionRequest {
  jobId: string;
  model: { path: string; sha256: string; bytes: number; name: string };
  /** `id` 1..65535 (user ids lie above 32767), `version` four hex digits. */
  modelConfig: { id: number; version: string; platform: Platform };
  /** One for each input of the model; shape as the model is to run, without unknown dimensions. */
  inputs: { name: string; shape: number[]; layout: 'NCHW' | 'NHWC'; preprocess: Preprocess }[];
  /** Ordered; the same count for every input. */
  references: { path: string; sha256: string; input: string }[];
  quantization: QuantizationOptions;
  want: ('evaluate' | 'quantize' | 'compile')[];
  /** Most images the verify stage compares; 0 takes every image held out. */
  verifyImages: number;
  layerReport: boolean;
  /** Least decibels of the worst output for `good` and for `review`; 20 and 10 when left out. */
  verdict?: VerdictThresholds;
}

export interface VerdictThresholds {
  goodSnrDb: number;
  reviewSnrDb: number;
}

export type DriverEvent =
  | { t: 'stage'; stage: Stage; state: 'start' | 'done' | 'skipped'; ms?: number }
  | { t: 'progress'; stage: Stage; done: number; total: number }
  | { t: 'log'; stream: 'stdout' | 'stderr'; line: string }
  | { t: 'issue'; issue: Issue };

export interface DriverInfo {
  id: string;
  kind: 'reference' | 'vendor-docker' | 'vendor-command';
  version: string;
  available: boolean;
  reason?: Issue;
  platforms: Platform[];
  stages: Stage[];
  produces: ArtifactKind[];
  /** The values each option may take. */
  options: Record<string, unknown[]>;
  /** Whether the process that answers has no network to reach: measured there. */
  network_isolated: boolean;
  toolchain?: { version: string | null; image?: string; digest?: string };
}

export interface Artifact {
  kind: ArtifactKind;
  /** Relative to the work folder. */
  file: string;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
  vendor: boolean;
}

export type ErrorClass = 'user' | 'unsupported' | 'resource' | 'toolchain' | 'internal';

export interface DriverError {
  class: ErrorClass;
  code: string;
  stage: Stage;
  message: string;
  retryable: boolean;
}

export type ConversionResult<Report> =
  | { status: 'succeeded'; artifacts: Artifact[]; report: Report }
  | { status: 'failed'; error: DriverError; artifacts: Artifact[]; report?: Report }
  | { status: 'canceled' };

export interface RunContext {
  /** The only folder the driver writes to. */
  workDir: string;
  signal: AbortSignal;
  emit(event: DriverEvent): void;
  limits: { timeMs: number; memoryBytes: number; cpus: number };
}

/**
 * `check` is cheap, has no side effects and runs at submission; an option the driver cannot honour is an error
 * `option_not_supported`, never ignored. `run` returns modelled failures and throws only for faults of its own;
 * after an abort it settles within two seconds. Only the classes `internal` and `resource` may be retryable.
 */
export interface ConversionDriver<Report = unknown> {
  info(): Promise<DriverInfo>;
  check(request: ConversionRequest): Promise<Issue[]>;
  run(request: ConversionRequest, context: RunContext): Promise<ConversionResult<Report>>;
}
