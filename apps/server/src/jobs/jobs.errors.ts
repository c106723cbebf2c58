import { CodedError } from '#libs/kernel';

export type JobsErrorCode =
  | 'JOBS.NOT_FOUND'
  | 'JOBS.NOT_MULTIPART'
  | 'JOBS.UPLOAD_MALFORMED'
  | 'JOBS.UPLOAD_INTERRUPTED'
  | 'JOBS.STORAGE_UNAVAILABLE'
  | 'JOBS.FILE_TOO_LARGE'
  | 'JOBS.TOO_MANY_FILES'
  | 'JOBS.INPUT_INVALID'
  | 'JOBS.MODEL_REFUSED'
  | 'JOBS.USER_HAS_ACTIVE_JOB'
  | 'JOBS.NOT_CANCELABLE';

export class JobsError extends CodedError<JobsErrorCode> {}
