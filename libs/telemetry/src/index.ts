export { FIELD_NAMES } from './log-fields.js';
export type { LogFields } from './log-fields.js';
export { Log } from './log.js';
export type { ActionName, LogOptions } from './log.js';
export { Metrics } from './metrics.js';
