export { CodedError, codeOf, hasCode } from './coded-error.js';
export type { ErrorDetail } from './coded-error.js';
export { derivedId, isUuidv7, uuidv7, uuidv7Time } from './ids.js';
export type { Problem } from './problem.js';
export { SettingsError, SettingsReader } from './settings-reader.js';
export type { SettingRow, SettingsErrorCode } from './settings-reader.js';
