import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Authentication } from './authentication/authentication.js';
import { Bootstrap } from './bootstrap/bootstrap.js';
import { ApiKeyGuard } from './http/api-key.guard.js';
import { MeController } from './http/me.controller.js';
import { SecurityWindow } from './authentication/security-window.js';
import { ApiKeys } from './storage/api-keys.store.js';
import { Tenants } from './storage/tenants.store.js';
import { SystemLedger } from './ledger/system-ledger.js';

/** Its guard stands before every route of the server. */
@Module({
  controllers: [MeController],
  providers: [
    ...[ApiKeys, Tenants, SystemLedger, SecurityWindow, Authentication, Bootstrap],
    { provide: APP_GUARD, useClass: ApiKeyGuard },
  ],
})
export class IdentityModule {}
