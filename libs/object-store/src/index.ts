export { objectKeyFault } from './object-key.js';
export { ObjectStoreError } from './object-store.errors.js';
export type { ObjectStoreErrorCode } from './object-store.errors.js';
export type {
  CallOptions,
  GetOptions,
  ListedObject,
  ListOptions,
  LockMode,
  ObjectStore,
  ObjectVersion,
  PutOptions,
  StoreEncryption,
  StoredObject,
} from './object-store.types.js';
export { openObjectStore } from './open-object-store.js';
export type { OpenOptions } from './open-object-store.js';
