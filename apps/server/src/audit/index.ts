export type { AuditErrorCode } from './audit.errors.js';
export type { EventDraft, RecordedEvent, Requester, SealedEvent } from './audit.types.js';
export { auditEventKinds } from './events/audit.kinds.js';
export { RecordEvents } from './commands/record-events.command.js';
export { RecordFact } from './commands/record-fact.command.js';
export { SealEvents } from './commands/seal-events.command.js';
export { GetAuditHealth } from './queries/get-audit-health.query.js';
export type { AuditHealth } from './queries/get-audit-health.query.js';
