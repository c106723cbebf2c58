import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ACCESS, type Access, type Caller, type Permission, type RequestWithCaller } from '../../http/access.js';
import { HttpError } from '../../http/http.errors.js';
import { noteRoute } from '../../http/routed-request.js';
import { annotate } from '../../http/request-context.js';
import { Settings } from '../../settings.js';
import { Authentication } from '../authentication/authentication.js';
import { holds, scopeOf } from '../domain/scopes.js';
import { IdentityError } from '../identity.errors.js';
import { SecurityWindow } from '../authentication/security-window.js';

/** Version of the rules below, as decision records carry it. */
const POLICY_VERSION = '1';

/** Global. A route that does not say who may call it is refused (routes.integration.spec.ts walks all of them). */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authentication: Authentication,
    private readonly window: SecurityWindow,
    @Inject(Settings) private readonly settings: Pick<Settings, 'audit'>,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    noteRoute(context, this.reflector);
    const request = context.switchToHttp().getRequest<RequestWithCaller>();
    const targets = [context.getHandler(), context.getClass()];
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, targets);
    if (access && 'public' in access) return true;
    const tenant = pathTenant(access, request);
    if (tenant !== undefined && this.settings.audit.openTenants.includes(tenant)) {
      annotate({ tenant_id: tenant });
      decided('allow', 'open_tenant', 'tenant_open');
      return true;
    }
    const caller = await this.authenticated(request);
    request.caller = caller;
    annotate({ tenant_id: caller.tenant, client_id: caller.client_id });
    this.authorise(caller, access, request.query['tenant']);
    if (tenant !== undefined && tenant !== caller.tenant) {
      throw new HttpError('HTTP.NOT_FOUND', 'there is no such resource');
    }
    return true;
  }

  private async authenticated(request: RequestWithCaller): Promise<Caller> {
    const found = await this.authentication.callerOf(request.headers);
    if (!('rejected' in found)) return found;
    if (!(await this.authentication.isConfigured())) {
      this.window.notConfigured();
      throw new IdentityError('IDENTITY.NOT_CONFIGURED', 'no API key is configured: the service refuses every request');
    }
    this.window.rejected(request.ip, found.rejected);
    throw new IdentityError(
      'IDENTITY.UNAUTHENTICATED',
      'expected a valid API key as Authorization: Bearer or X-API-Key, found none',
    );
  }

  /** A query that names another `tenant` asks for `admin:*`; a handler that answers of another, for an operator. */
  private authorise(caller: Caller, access: Access | undefined, named: unknown): void {
    if (access && 'anyKey' in access) return decided('allow', 'any_key', 'key_valid');
    if (!access) return this.refuse(caller, 'admin:*', 'route_undeclared');
    const own = named === undefined || named === caller.tenant;
    const permission = own ? (access as { permission: Permission }).permission : 'admin:*';
    if (!holds(caller.scopes, permission, caller.tenant)) return this.refuse(caller, permission, 'scope_required');
    decided('allow', 'scope_required', 'scope_held');
  }

  private refuse(caller: Caller, permission: Permission, rule: string): never {
    this.window.denied(caller, permission, rule);
    decided('deny', rule, 'scope_missing');
    const missing = scopeOf(permission, caller.tenant);
    throw new IdentityError(
      'IDENTITY.ACCESS_DENIED',
      `expected the scope ${missing}, which this key lacks (rule ${rule})`,
    );
  }
}

/** The tenant that the path names, on a route that is about it. */
function pathTenant(access: Access | undefined, request: RequestWithCaller): string | undefined {
  if (!access || !('permission' in access) || !access.ofPathTenant) return undefined;
  const { tenant } = request.params;
  return typeof tenant === 'string' ? tenant : '';
}

function decided(decision_effect: 'allow' | 'deny', rule_id: string, decision_reason: string): void {
  annotate({ decision_effect, decision_reason, rule_id, policy_version: POLICY_VERSION });
}
