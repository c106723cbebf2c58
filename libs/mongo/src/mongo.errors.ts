import { CodedError } from '#libs/kernel';

export type MongoErrorCode = 'MONGO.UNREACHABLE' | 'MONGO.URI_INVALID' | 'MONGO.INDEX_STEP_FAILED';

export class MongoError extends CodedError<MongoErrorCode> {}
