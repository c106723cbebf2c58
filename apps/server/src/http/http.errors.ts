import { CodedError } from '#libs/kernel';

/** What goes wrong before a room is asked. */
export type HttpErrorCode =
  | 'HTTP.BAD_REQUEST'
  | 'HTTP.INPUT_INVALID'
  | 'HTTP.NOT_FOUND'
  | 'HTTP.METHOD_NOT_ALLOWED'
  | 'HTTP.NOT_ACCEPTABLE'
  | 'HTTP.REQUEST_TIMEOUT'
  | 'HTTP.PAYLOAD_TOO_LARGE'
  | 'HTTP.UNSUPPORTED_MEDIA_TYPE'
  | 'HTTP.HEADERS_TOO_LARGE'
  | 'HTTP.UNAVAILABLE';

export class HttpError extends CodedError<HttpErrorCode> {}
