export { promoteEventKinds } from './events/promote.kinds.js';
export type { PromoteErrorCode } from './promote.errors.js';
