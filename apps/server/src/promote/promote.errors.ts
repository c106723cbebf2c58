import { CodedError } from '#libs/kernel';
import type { FAAErrorCode } from './faa/faa.errors.js';

export type PromoteErrorCode =
  FAAErrorCode | 'PROMOTE.NOT_READY' | 'PROMOTE.NOT_CONFIGURED' | 'PROMOTE.NOT_FOUND' | 'PROMOTE.STORAGE_UNAVAILABLE';

export class PromoteError extends CodedError<Exclude<PromoteErrorCode, FAAErrorCode>> {}
