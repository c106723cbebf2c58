import { createParamDecorator, SetMetadata, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import type { Actor } from '#libs/ledger';
import type { Requester } from '../audit/index.js';
import { requestContext } from './request-context.js';

/** What a route may ask for: the part of a scope before its tenant. `admin:*` holds all of them. */
export type Permission =
  | 'jobs:write'
  | 'jobs:read'
  | 'results:read'
  | 'promote:write'
  | 'audit:read'
  | 'audit:verify'
  | 'obs:read'
  | 'admin:*';

/** Who sends the request, as the key says. */
export interface Caller {
  tenant: string;
  client_id: string;
  key_id: string;
  /** First 12 hex digits of the key's SHA-256. */
  fingerprint: string;
  /** `<area>:<verb>#tenant/<id>`. */
  scopes: readonly string[];
  /** ISO 8601; absent: the key does not expire. */
  expires_at?: string;
  /** For the events this request causes. */
  actor: Actor;
}

export type RequestWithCaller = Request & { caller?: Caller };

/** What a route says of who may call it. The guard refuses a route that says nothing. */
export type Access = { public: true } | { permission: Permission; ofPathTenant?: true } | { anyKey: true };

export const ACCESS = 'assay:access';

/** The key must hold this permission for its tenant, or `admin:*`. */
export const RequireScope = (permission: Permission) => SetMetadata(ACCESS, { permission } satisfies Access);

/**
 * For routes under a tenant's name (`:tenant`): the key is that tenant's and holds the permission; another tenant's
 * does not learn whether it exists (404). Nobody needs a key where the tenant is open (AUDIT_OPEN_TENANTS), and then
 * the request has no caller.
 */
export const RequireScopeUnlessOpen = (permission: Permission) =>
  SetMetadata(ACCESS, { permission, ofPathTenant: true } satisfies Access);

/** Any valid key, whatever its scopes: only for what a caller may know of itself. */
export const AnyKey = () => SetMetadata(ACCESS, { anyKey: true } satisfies Access);

/** No key at all. */
export const Public = () => SetMetadata(ACCESS, { public: true } satisfies Access);

/** Parameter decorator: the caller the guard let in. Never on a public route. */
export const Caller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<RequestWithCaller>();
  if (!caller) throw new Error('a public route has no caller: expected @RequireScope beside @Caller, found @Public');
  return caller;
});

/** The caller as commands and their events name who asked. */
export function requesterOf({ tenant, actor }: Caller): Requester {
  const context = requestContext();
  return { tenant, actor, ...(context && { request_id: context.request_id, trace_id: context.trace_id }) };
}
