import { type CanActivate, type ExecutionContext, Injectable, Module, type Type } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { Log } from '#libs/telemetry';
import { Settings } from '../settings.js';
import { noteRoute } from './routed-request.js';
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

/** Notes the route, as every guard of the server does, and lets everyone in. */
@Injectable()
class OpenGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    noteRoute(context, this.reflector);
    return true;
  }
}
