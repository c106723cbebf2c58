import { TENANT_PATTERN } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';

const DEPLOYMENT = /^[a-z0-9][a-z0-9.-]{0,200}$/;

/** The ledger of service, key, configuration and unauthenticated events. */
export const SYSTEM = 'system';

/** The name of a tenant's ledger in every note: `<ASSAY_ORIGIN>/ledger/<tenant>`. Throws AUDIT.TENANT_INVALID. */
export function originOf(deployment: string, tenant: string): string {
  if (!TENANT_PATTERN.test(tenant)) {
    throw new AuditError(
      'AUDIT.TENANT_INVALID',
      `a tenant id matches ${TENANT_PATTERN.source}, found ${tenant.length} characters`,
    );
  }
  return `${deployment}/ledger/${tenant}`;
}

/** Throws AUDIT.ORIGIN_INVALID for a name with a port, a scheme or characters a note key may not have. */
export function assertOrigin(deployment: string): string {
  if (DEPLOYMENT.test(deployment)) return deployment;
  throw new AuditError(
    'AUDIT.ORIGIN_INVALID',
    `ASSAY_ORIGIN is a lower-case name without scheme or port, found "${deployment}"`,
  );
}
