export { EmbeddedError } from './embedded.errors.js';
export type { EmbeddedErrorCode } from './embedded.errors.js';
export { startEmbeddedMongo } from './embedded-mongo.js';
export type { EmbeddedMongo } from './embedded-mongo.js';
export { takeLock } from './lock-file.js';
