import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Metrics } from '#libs/telemetry';
import { Settings } from '../settings.js';
import { RequireScope } from './access.js';
import { Action } from './action.js';
import { HttpError } from './http.errors.js';

/** The metrics of this process; there is no such resource unless METRICS_ENABLED says so. */
@Controller()
@RequireScope('obs:read')
@Action('metrics.scraped')
export class MetricsController {
  constructor(
    private readonly metrics: Metrics,
    @Inject(Settings) private readonly settings: Pick<Settings, 'metricsEnabled'>,
  ) {}

  @Get('_metrics')
  metricsOfProcess(@Res() response: Response): Promise<void> {
    return this.answer(response);
  }

  /** Where Prometheus looks when nobody tells it. */
  @Get('metrics')
  sameMetrics(@Res() response: Response): Promise<void> {
    return this.answer(response);
  }

  private async answer(response: Response): Promise<void> {
    if (!this.settings.metricsEnabled) throw new HttpError('HTTP.NOT_FOUND', 'there is no such resource');
    const text = await this.metrics.text();
    response.setHeader('Content-Type', this.metrics.contentType);
    response.send(text);
  }
}
