import { CodedError } from '#libs/kernel';

export type ResultsErrorCode =
  'RESULTS.NOT_COMPLETED' | 'RESULTS.EXPIRED' | 'RESULTS.STORAGE_UNAVAILABLE' | 'RESULTS.REPORT_NOT_FOUND';

export class ResultsError extends CodedError<ResultsErrorCode> {}
