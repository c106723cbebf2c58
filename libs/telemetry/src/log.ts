import { Logger as NestLogger, type PinoLogger } from 'nestjs-pino';
import { pino } from 'pino';
import { closedLine } from './closed-line.js';
import type { LogFields } from './log-fields.js';

/** What happened, `area.what`: `jobs.created`. The line's `msg` is made of it and so is fixed per action. */
export type ActionName = `${string}.${string}`;

export interface LogOptions {
  service: string;
  version: string;
  env: string;
  instanceId: string;
  level: 'debug' | 'info' | 'warn' | 'error';
  /** The share of `sampled` lines that is written, from 0 to 1. */
  sampleRate: number;
  /** Values that must not appear in any form of line, such as a pre-shared key. Those under 8 characters are ignored. */
  secrets?: readonly (string | undefined)[];
  /** Fields of the request or task that is running, added to every line; the line's own come first. */
  context?: () => LogFields;
  /** Default: standard output, written before the call returns. */
  destination?: { write(line: string): void };
  /** In [0, 1); for tests. */
  random?: () => number;
}

const ACTION = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/;
const SHORTEST_SECRET = 8;

/**
 * The one logger: NDJSON, one line an event, closed fields, scrubbed here and not at the call sites.
 *
 * A call never throws and never waits. What the closed list does not have is dropped and counted in `dropped`.
 */
export class Log {
  /** Fields dropped so far because the closed list has no such name or another type for it. */
  dropped = 0;
  private readonly pino: pino.Logger;
  private readonly secrets: readonly string[];

  constructor(private readonly options: LogOptions) {
    this.secrets = (options.secrets ?? []).filter(
      (secret): secret is string => (secret?.length ?? 0) >= SHORTEST_SECRET,
    );
    const { service, version, env, instanceId } = options;
    this.pino = pino(
      {
        level: options.level,
        base: { service, version, env, instance_id: instanceId },
        messageKey: 'msg',
        timestamp: () => `,"ts":"${new Date().toISOString()}"`,
        formatters: { level: (label) => ({ level: label }), log: (line) => this.closed(line) },
        // Whoever writes through pino (Nest, a library) gets the same form: the text is not the line's msg.
        hooks: {
          logMethod(args, method) {
            method.call(this, lineOf(args));
          },
        },
      },
      options.destination ?? pino.destination({ dest: 1, sync: true }),
    );
  }

  debug(action: ActionName, fields: LogFields = {}): void {
    this.pino.debug({ ...fields, action });
  }

  info(action: ActionName, fields: LogFields = {}): void {
    this.pino.info({ ...fields, action });
  }

  /** Recoverable: a retry, a cooldown, a limit hit. */
  warn(action: ActionName, fields: LogFields = {}): void {
    this.pino.warn({ ...fields, action });
  }

  /** Needs a person. */
  error(action: ActionName, fields: LogFields = {}): void {
    this.pino.error({ ...fields, action });
  }

  /** For successful reads and access lines: written at the sample rate. */
  sampled(action: ActionName, fields: LogFields = {}): void {
    if ((this.options.random ?? Math.random)() < this.options.sampleRate) this.info(action, fields);
  }

  /** For `app.useLogger`: Nest's own lines, in the same form. What Nest says at its `log` level is DEBUG here. */
  forNest(): NestLogger {
    const { pino } = this;
    const levels: Pick<PinoLogger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'> = {
      trace: pino.trace.bind(pino) as PinoLogger['trace'],
      debug: pino.debug.bind(pino) as PinoLogger['debug'],
      info: pino.debug.bind(pino) as PinoLogger['info'],
      warn: pino.warn.bind(pino) as PinoLogger['warn'],
      error: pino.error.bind(pino) as PinoLogger['error'],
      fatal: pino.error.bind(pino) as PinoLogger['fatal'],
    };
    return new NestLogger(levels as PinoLogger, {});
  }

  private closed(line: Record<string, unknown>): Record<string, unknown> {
    const { action: given, ...fields } = line;
    const action = typeof given === 'string' && ACTION.test(given) ? given : 'log.unnamed';
    const { line: shown, dropped } = closedLine({ ...this.options.context?.(), ...fields }, this.secrets);
    this.dropped += dropped;
    return { action, msg: action.replace(/[._]/g, ' '), ...shown };
  }
}

/** One object of what a call to pino gave: ours as it is, a library's with its text and error in our fields. */
function lineOf(args: readonly unknown[]): Record<string, unknown> {
  const [first, text] = args;
  if (isRecord(first) && 'action' in first) return first;
  const error = first instanceof Error ? first : isRecord(first) ? first['err'] : undefined;
  return {
    action: 'nest.line',
    error_message: textOf(error, typeof first === 'string' ? first : text),
    ...(error instanceof Error && error.stack ? { details: { stack: error.stack } } : {}),
  };
}

function textOf(error: unknown, text: unknown): string | undefined {
  if (error instanceof Error) return error.message;
  return typeof text === 'string' ? text : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof Error);
}
