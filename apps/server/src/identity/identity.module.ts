import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Authentication } from './authentication.js';
import { Bootstrap } from './bootstrap.js';
import { ApiKeyGuard } from './http/api-key.guard.js';
import { MeController } from './http/me.controller.js';
import { SecurityWindow } from './security-window.js';
import { ApiKeys } from './storage/api-keys.store.js';
import { Tenants } from './storage/tenants.store.js';
import { SystemLedger } from './system-ledger.js';

/** Its guard stands before every route of the server. */
@Module({
  controllers: [MeController],
  providers: [
    ...[ApiKeys, Tenants, SystemLedger, SecurityWindow, Authentication, Bootstrap],
    { provide: APP_GUARD, useClass: ApiKeyGuard },
  ],
})
export class IdentityModule {}
