import { CodedError } from '#libs/kernel';

export type EmbeddedErrorCode =
  'EMBEDDED.LOCKED' | 'EMBEDDED.PLATFORM' | 'EMBEDDED.SOCKET_PATH' | 'EMBEDDED.START_FAILED';

export class EmbeddedError extends CodedError<EmbeddedErrorCode> {}
