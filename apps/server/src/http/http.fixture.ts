import { type CanActivate, Module, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { Log } from '#libs/telemetry';
import { Settings } from '../settings.js';
import { serverLog } from './server-log.js';
import { setup } from './setup.js';

export interface ProbeApp {
  app: NestExpressApplication;
  /** Lines written so far. */
  lines: Record<string, unknown>[];
  close(): Promise<void>;
}

/** A small app of `controllers` behind the real plumbing, listening on a free port. */
export async function probeApp(
  controllers: Type[],
  options: { env?: Record<string, string>; guard?: Type<CanActivate> } = {},
): Promise<ProbeApp> {
  const lines: Record<string, unknown>[] = [];
  const settings = new Settings({ LOG_SAMPLE_RATE: '1', ...options.env });
  const log = serverLog(settings, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
  @Module({
    controllers,
    providers: [
      { provide: Settings, useValue: settings },
      { provide: Log, useValue: log },
      { provide: APP_GUARD, useClass: options.guard ?? OpenGuard },
    ],
  })
  class ProbeModule {}
  const built = await Test.createTestingModule({ imports: [ProbeModule] }).compile();
  const app = built.createNestApplication<NestExpressApplication>({ bodyParser: false });
  setup(app);
  await app.listen(0);
  return { app, lines, close: () => app.close() };
}

class OpenGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}
