import { Controller, Get, Res, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import type { Response } from 'express';
import { Public } from '../http/access.js';
import { Action } from '../http/action.js';
import { SERVICE } from '../http/service.js';
import { Readiness } from './readiness.js';

interface Answer {
  status: HealthCheckResult['status'];
  /** Names and words only: what failed and why is for the log, this answer is public. */
  checks: Record<string, 'up' | 'degraded' | 'down'>;
}

@Controller('_health')
@Public()
@Action('health.checked')
export class HealthController {
  private started = false;

  constructor(
    private readonly health: HealthCheckService,
    private readonly readiness: Readiness,
  ) {}

  @Get()
  service(): object {
    return { service: SERVICE.name, version: SERVICE.version };
  }

  /** The process runs and answers; it stands on nothing. */
  @Get('live')
  live(): object {
    return { status: 'ok' };
  }

  /** Whether requests should be sent here now. */
  @Get('ready')
  async ready(@Res({ passthrough: true }) response: Response): Promise<Answer> {
    const answer = await this.checked();
    if (answer.status === 'ok' || answer.status === 'degraded') this.started = true;
    else response.status(503);
    return answer;
  }

  /** As `ready` until that was once the case; from then on `ok`. */
  @Get('startup')
  async startup(@Res({ passthrough: true }) response: Response): Promise<Answer | { status: 'ok' }> {
    return this.started ? { status: 'ok' } : this.ready(response);
  }

  private async checked(): Promise<Answer> {
    const result = await this.health.check(this.readiness.checks()).catch(resultIn);
    const checks = Object.fromEntries(Object.entries(result.details).map(([name, { status }]) => [name, status]));
    if (result.status !== 'ok') return { status: result.status, checks };
    const dead = await this.readiness.deadLetters();
    return { status: dead > 0 ? 'degraded' : 'ok', checks: { ...checks, outbox: dead > 0 ? 'degraded' : 'up' } };
  }
}

/** Terminus throws its result when a check is down. */
function resultIn(error: unknown): HealthCheckResult {
  if (error instanceof ServiceUnavailableException) return error.getResponse() as HealthCheckResult;
  throw error;
}
