export { resultsEventKinds } from './events/results.kinds.js';
export type { ResultsErrorCode } from './results.errors.js';
