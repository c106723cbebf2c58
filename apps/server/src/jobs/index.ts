export { jobsEventKinds } from './events/jobs.kinds.js';
export { JobsError } from './jobs.errors.js';
export type { JobsErrorCode } from './jobs.errors.js';
export type { Job, JobArtifact, JobStatus, JobView } from './jobs.types.js';
export { GetJob } from './queries/get-job.query.js';
export { SettleJob } from './commands/settle-job.command.js';
