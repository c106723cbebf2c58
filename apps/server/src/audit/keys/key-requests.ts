import { AuditError } from '../audit.errors.js';

/** What is wrong with one field of a request. */
export function refusedField(field: string, detail: string): AuditError {
  return new AuditError('AUDIT.KEY_REQUEST_INVALID', `${field}: ${detail}`, {
    details: [{ pointer: `/${field}`, code: 'refused', detail }],
  });
}
