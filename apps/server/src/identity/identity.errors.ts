import { CodedError } from '#libs/kernel';

export type IdentityErrorCode =
  /** No key exists that could let anyone in. */
  | 'IDENTITY.NOT_CONFIGURED'
  /** No key, or one that is not valid now. Why is counted, never told. */
  | 'IDENTITY.UNAUTHENTICATED'
  /** A valid key that may not do this. */
  | 'IDENTITY.ACCESS_DENIED'
  /** CONVERTER_API_KEY_TENANT or _CLIENT_ID could not stand in an event. */
  | 'IDENTITY.SETTING_INVALID'
  /** The operator's key file does not hold the key the database knows. */
  | 'IDENTITY.KEY_FILE_UNUSABLE';

export class IdentityError extends CodedError<IdentityErrorCode> {}
