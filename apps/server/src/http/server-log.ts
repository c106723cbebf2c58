import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Log } from '#libs/telemetry';
import type { Settings } from '../settings.js';
import { contextFields } from './request-context.js';
import { SERVICE } from './service.js';

/** The process's logger: it knows the request that is running, and the secrets it was started with by heart. */
export function serverLog(settings: Settings, destination?: { write(line: string): void }): Log {
  return new Log({
    service: SERVICE.name,
    version: SERVICE.version,
    env: settings.env,
    instanceId: `${hostname().replace(/[^A-Za-z0-9-]/g, '-')}-${process.pid}-${randomBytes(3).toString('hex')}`,
    level: settings.logLevel,
    sampleRate: settings.logSampleRate,
    secrets: [settings.apiKey.value, settings.faa.clientSecret, settings.audit.signingKey, settings.mongodbUri],
    context: contextFields,
    ...(destination && { destination }),
  });
}
