import { Controller, Get } from '@nestjs/common';
import { AnyKey, Caller } from '../../http/access.js';
import { Action } from '../../http/action.js';

@Controller('me')
export class MeController {
  /** What a caller may know of itself. */
  @Get()
  @AnyKey()
  @Action('identity.me')
  me(@Caller() { key_id, fingerprint, client_id, tenant, scopes, expires_at }: Caller): object {
    return {
      credential: { type: 'api_key', id: key_id, fingerprint },
      client_id,
      tenants: [tenant],
      scopes,
      expires_at: expires_at ?? null,
    };
  }
}
