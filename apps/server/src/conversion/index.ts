export { CancelTask } from './commands/cancel-task.command.js';
export { PreflightModel } from './commands/preflight-model.command.js';
export { ConversionError } from './conversion.errors.js';
export type { ConversionErrorCode } from './conversion.errors.js';
export { JOB_STAGES, PLATFORMS } from './conversion.types.js';
export type {
  ConversionInput,
  Issue,
  JobStage,
  Platform,
  Preflight,
  Preprocess,
  QuantizationOptions,
  ReportSummary,
  StageState,
  TaskArtifact,
  TaskError,
  TaskOutcome,
  TaskProgress,
} from './conversion.types.js';
export { conversionEventKinds } from './events/conversion.kinds.js';
export { GetTaskOutcome } from './queries/get-task-outcome.query.js';
export { GetTaskProgress } from './queries/get-task-progress.query.js';
