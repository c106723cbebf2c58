import { CodedError } from '#libs/kernel';

export type ConversionErrorCode =
  /** No task of this job in this tenant. */
  | 'CONVERSION.TASK_NOT_FOUND'
  /** The task has not ended. */
  | 'CONVERSION.TASK_NOT_FINISHED'
  /** The task had ended before it could be canceled. */
  | 'CONVERSION.TASK_FINISHED'
  /** The child that reads the model gave no answer. */
  | 'CONVERSION.PREFLIGHT_FAILED'
  /** An input in the object store is missing or is not what was uploaded. */
  | 'CONVERSION.INPUT_CHANGED';

export class ConversionError extends CodedError<ConversionErrorCode> {}
