import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { CodedError } from '#libs/kernel';
import type { LogFields } from '#libs/telemetry';
import { toldOf } from './problem.js';
import { annotate, requestContext } from './request-context.js';

/** Every error of every route and of Nest leaves here, as a problem document (RFC 9457). */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    answerProblem(error, host.switchToHttp().getResponse<Response>());
  }
}

/** For what fails before Nest is reached, such as a body that cannot be parsed: Express's own page shows stacks. */
// eslint-disable-next-line @typescript-eslint/no-unused-vars -- Express knows an error handler by its four parameters
export function problemHandler(error: unknown, _request: Request, response: Response, _next: NextFunction): void {
  answerProblem(error, response);
}

function answerProblem(error: unknown, response: Response): void {
  const { outward, problem } = toldOf(error, requestContext()?.request_id ?? '');
  if (response.headersSent) {
    annotate({ error_code: 'stream_error', ...causeOf(error) });
    // A clean end would make half an answer look whole.
    response.destroy();
    return;
  }
  // A name that the route gave from its own closed list (promote's) stays.
  const { error_name } = requestContext()?.fields ?? {};
  const cause = outward.status >= 500 ? causeOf(error) : {};
  annotate({ error_code: outward.code, ...cause, ...(error_name !== undefined && { error_name }) });
  if (outward.status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  const { retry_after_ms } = outward;
  if (retry_after_ms !== undefined) response.setHeader('Retry-After', Math.ceil(retry_after_ms / 1000));
  for (const name of ['Content-Length', 'Content-Disposition', 'Content-Encoding', 'ETag', 'Repr-Digest']) {
    response.removeHeader(name);
  }
  response.setHeader('Cache-Control', 'no-store');
  // The connection of a request whose body was not read to its end cannot be used again.
  if (!response.req.complete) response.setHeader('Connection', 'close');
  response.status(outward.status).type('application/problem+json').send(JSON.stringify(problem));
}

/**
 * For the log: class, code and where. Only messages of coded errors are ours; a database's or an object store's
 * names endpoints and buckets, so of these the frames alone are kept.
 */
function causeOf(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error_name: typeof error };
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    error_name: error instanceof CodedError ? String(error.code) : error.name,
    ...(error instanceof CodedError && { error_message: error.message }),
    ...(frames.length > 0 && { details: { stack: frames.join('\n') } }),
  };
}
