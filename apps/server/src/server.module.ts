import { type DynamicModule, Global, Module } from '@nestjs/common';
import { CommandBus, CqrsModule } from '@nestjs/cqrs';
import { codeOf, hasCode } from '#libs/kernel';
import { Leases, MongoStore, Outboxes } from '#libs/mongo';
import type { ObjectStore } from '#libs/object-store';
import { Log, Metrics } from '#libs/telemetry';
import { AuditModule } from './audit/audit.module.js';
import { RecordEvents, type AuditErrorCode } from './audit/index.js';
import { ConversionModule } from './conversion/conversion.module.js';
import { kindsByRoom } from './event-kinds.js';
import { MetricsController } from './http/metrics.controller.js';
import { HealthModule } from './health/health.module.js';
import { IdentityModule } from './identity/identity.module.js';
import { JobsModule } from './jobs/jobs.module.js';
import { PromoteModule } from './promote/promote.module.js';
import { ResultsModule } from './results/results.module.js';
import { Settings } from './settings.js';
import { OBJECT_STORE } from './tokens.js';

/** What every room stands on. */
export interface Foundations {
  settings: Settings;
  store: MongoStore;
  objects: ObjectStore;
  log: Log;
}

/** Failures to record that no retry can mend. */
const PERMANENT: readonly AuditErrorCode[] = [
  'AUDIT.EVENT_CONFLICT',
  'AUDIT.EVENT_TOO_OLD',
  'AUDIT.EVENT_INVALID',
  'AUDIT.EVENT_ID_INVALID',
];

@Global()
@Module({})
class FoundationsModule {
  static with({ settings, store, objects, log }: Foundations): DynamicModule {
    return {
      module: FoundationsModule,
      providers: [
        { provide: Settings, useValue: settings },
        { provide: MongoStore, useValue: store },
        { provide: OBJECT_STORE, useValue: objects },
        { provide: Log, useValue: log },
        { provide: Metrics, useFactory: () => new Metrics({ enabled: settings.metricsEnabled }) },
        { provide: Leases, useFactory: () => new Leases(store) },
        { provide: Outboxes, inject: [CommandBus], useFactory: (bus: CommandBus) => outboxes(store, bus, log) },
      ],
      exports: [Settings, MongoStore, OBJECT_STORE, Log, Metrics, Leases, Outboxes],
    };
  }
}

@Module({})
export class ServerModule {
  static with(foundations: Foundations): DynamicModule {
    return {
      module: ServerModule,
      controllers: [MetricsController],
      imports: [
        CqrsModule.forRoot(),
        FoundationsModule.with(foundations),
        AuditModule.with(Object.values(kindsByRoom).flat()),
        IdentityModule,
        JobsModule,
        ConversionModule,
        ResultsModule,
        PromoteModule,
        HealthModule,
      ],
    };
  }
}

function outboxes(store: MongoStore, bus: CommandBus, log: Log): Outboxes {
  return new Outboxes(store, {
    record: async (tenant, events) => {
      await bus.execute(new RecordEvents(tenant, events));
    },
    isPermanent: (error) => PERMANENT.some((code) => hasCode(error, code)),
    failed: ({ step, dead, error, tenant }) => {
      const fields = { tenant_id: tenant, resource: step, error_code: codeOf(error) };
      if (dead) log.error('outbox.dead', fields);
      else log.warn('outbox.retry', fields);
    },
  });
}
