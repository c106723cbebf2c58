import { AuditError } from './audit.errors.js';
import type { Requester } from './audit.types.js';

/** What is the deployment's: an administrator of one tenant is not enough. Throws AUDIT.OPERATOR_REQUIRED. */
export function assertOperator({ actor }: Requester): void {
  if (actor.type === 'operator') return;
  throw new AuditError('AUDIT.OPERATOR_REQUIRED', `expected a key of the operator, found one of a ${actor.type}`);
}

/** Another tenant's ledger is the operator's to look at. Throws AUDIT.OPERATOR_REQUIRED. */
export function assertOwnOrOperator(tenant: string, requester: Requester): void {
  if (tenant !== requester.tenant) assertOperator(requester);
}
