export { identityEventKinds } from './events/identity.kinds.js';
export type { IdentityErrorCode } from './identity.errors.js';
