import { Controller, Get, Head, Param, Req, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import { hasCode } from '#libs/kernel';
import type { Requester } from '../../audit/index.js';
import { Caller, requesterOf, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { annotate, requestContext } from '../../http/request-context.js';
import { nameAction } from '../../http/routed-request.js';
import { GetJob } from '../../jobs/index.js';
import { Settings } from '../../settings.js';
import { BeginDownload } from '../commands/begin-download.command.js';
import { EndDownload } from '../commands/end-download.command.js';
import { GetReport } from '../queries/get-report.query.js';
import { ResultsError } from '../results.errors.js';
import type { OpenDownload } from '../results.types.js';
import { sentBody, setFileHeaders, type FileToSend } from './file-response.js';

@Controller('jobs/:id')
export class ResultsController {
  constructor(
    private readonly settings: Settings,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  /** What a download would get, without one: nothing is opened and nothing recorded. */
  @Head('result')
  @RequireScope('results:read')
  @Action('result.head')
  async head(@Caller() { tenant }: Caller, @Param('id') id: string, @Res() response: Response): Promise<void> {
    const { artifact, external_status } = await this.queries.execute(new GetJob(tenant, id));
    if (!artifact)
      throw new ResultsError('RESULTS.NOT_COMPLETED', `expected a completed job, found one ${external_status}`);
    setFileHeaders(response, artifact);
    response.end();
  }

  /** The line's action is the outcome's; `client_closed` is what is left when nothing else was said before the end. */
  @Get('result')
  @RequireScope('results:read')
  @Action('result.success', { failed: 'result.client_closed' })
  async result(
    @Caller() caller: Caller,
    @Param('id') id: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    annotate({ job_id: id.slice(0, 64) });
    const download = await this.begun(requesterOf(caller), id, request);
    setFileHeaders(response, download);
    const { object_key, bytes, file_name } = download;
    annotate({ object_key, size_bytes: bytes, filename_sent: file_name, stream_completed: false });
    const fields = requestContext()?.fields;
    response.once('finish', () => fields && Object.assign(fields, { stream_completed: true }));
    const sent = await sentBody(response, download.body, this.settings.results.timeoutMs, (outcome) => {
      nameAction(request, `result.${outcome}`);
      annotate({ error_code: outcome });
    });
    const error_code = hasCode<string>(sent.error) ? sent.error.code : undefined;
    const ending = { outcome: sent.outcome, sent_bytes: sent.bytes, ...(error_code !== undefined && { error_code }) };
    // What cannot be recorded now is ended as unknown by the sweep.
    await this.commands.execute(new EndDownload(download, ending)).catch(() => undefined);
  }

  @Get('report')
  @RequireScope('results:read')
  @Action('report.get_one')
  async report(@Caller() { tenant }: Caller, @Param('id') id: string, @Res() response: Response): Promise<void> {
    annotate({ job_id: id.slice(0, 64) });
    const report: FileToSend = await this.queries.execute(new GetReport(tenant, id));
    setFileHeaders(response, report);
    await sentBody(response, report.body, this.settings.results.timeoutMs, (outcome) =>
      annotate({ error_code: outcome }),
    );
  }

  private async begun(requester: Requester, id: string, request: Request): Promise<OpenDownload> {
    try {
      return await this.commands.execute(new BeginDownload(requester, id));
    } catch (error) {
      const isStorage = error instanceof ResultsError && error.code === 'RESULTS.STORAGE_UNAVAILABLE';
      nameAction(request, isStorage ? 'result.storage_failed' : 'result.not_available');
      throw error;
    }
  }
}
