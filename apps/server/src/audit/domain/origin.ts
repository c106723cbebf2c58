import { TENANT_PATTERN } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';

const DEPLOYMENT = /^[a-z0-9][a-z0-9.-]{0,200}$/;

/** The ledger of service, key, configuration and unauthenticated events. */
export const SYSTEM = 'system';

/** The incarnation that a ledger is created in; the next one has to be opened by an operator. */
export const FIRST_INCARNATION = 1;

/**
 * The name of a tenant's ledger in every note: `<ASSAY_ORIGIN>/ledger/<tenant>`, and of an incarnation after the first
 * with `/<incarnation>` behind it, so that no signature under one name contradicts another. Throws AUDIT.TENANT_INVALID.
 */
export function originOf(deployment: string, tenant: string, incarnation = FIRST_INCARNATION): string {
  if (!TENANT_PATTERN.test(tenant)) {
    throw new AuditError(
      'AUDIT.TENANT_INVALID',
      `a tenant id matches ${TENANT_PATTERN.source}, found ${tenant.length} characters`,
    );
  }
  const first = `${deployment}/ledger/${tenant}`;
  return incarnation === FIRST_INCARNATION ? first : `${first}/${incarnation}`;
}

/** Which incarnation of the tenant's ledger has this name; undefined for a name of none. */
export function incarnationOf(deployment: string, tenant: string, origin: string): number | undefined {
  const first = originOf(deployment, tenant);
  if (origin === first) return FIRST_INCARNATION;
  const [, digits] = /^\/([1-9]\d{0,8})$/.exec(origin.startsWith(first) ? origin.slice(first.length) : '') ?? [];
  const incarnation = Number(digits);
  return incarnation > FIRST_INCARNATION ? incarnation : undefined;
}

/** Throws AUDIT.ORIGIN_INVALID for a name with a port, a scheme or characters a note key may not have. */
export function assertOrigin(deployment: string): string {
  if (DEPLOYMENT.test(deployment)) return deployment;
  throw new AuditError(
    'AUDIT.ORIGIN_INVALID',
    `ASSAY_ORIGIN is a lower-case name without scheme or port, found "${deployment}"`,
  );
}
