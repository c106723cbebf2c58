import { Controller, Get, Header, Param } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Public, RequireScopeUnlessOpen } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { GetPublicKeys, type PublicJwk } from '../queries/get-public-keys.query.js';
import { GetVerifierKeys } from '../queries/get-verifier-keys.query.js';

/** Public keys, where programs look for them. Whoever verifies pins a key that came another way. */
@Controller()
export class PublicKeysController {
  constructor(private readonly queries: QueryBus) {}

  @Get('.well-known/jwks.json')
  @Public()
  @Action('keys.jwks_read')
  @Header('Content-Type', 'application/jwk-set+json')
  @Header('Cache-Control', 'public, max-age=60')
  async jwks(): Promise<{ keys: PublicJwk[] }> {
    return this.queries.execute(new GetPublicKeys());
  }

  @Get('tlog/:tenant/vkey')
  @RequireScopeUnlessOpen('audit:read')
  @Action('tlog.vkey_read')
  @Header('Content-Type', 'text/plain; charset=utf-8')
  async verifierKeys(@Param('tenant') tenant: string): Promise<string> {
    return this.queries.execute(new GetVerifierKeys(tenant));
  }
}
