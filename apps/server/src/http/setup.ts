import { RequestMethod } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import { Log } from '#libs/telemetry';
import { Settings } from '../settings.js';
import { accessLine } from './access-line.js';
import { HttpError } from './http.errors.js';
import { ProblemFilter, problemHandler } from './problem.filter.js';
import { validationPipe } from './validation.js';

const PREFIX = 'api/v1';

/** Where programs look without knowing our version: health, metrics, keys, tiles. */
const WITHOUT_PREFIX = ['_health', '_health/{*rest}', '_metrics', 'metrics', '.well-known/{*rest}', 'tlog/{*rest}'];

const OUR_PATHS = new RegExp(`^/(?:${PREFIX}|_health|_metrics|metrics|\\.well-known|tlog)(?:/|$)`);

/** Largest JSON body. Uploads are multipart and have limits of their own. */
const JSON_LIMIT = '256kb';

/**
 * How the server answers, whatever it answers: for main and for tests alike. Call it before `app.init()`, on an app
 * made with `bodyParser: false`; the guard comes with IdentityModule.
 */
export function setup(app: NestExpressApplication): void {
  const settings = app.get(Settings);
  app.useLogger(app.get(Log).forNest());
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  // One hop: what the last proxy saw. The addresses before it are the caller's to invent.
  app.set('trust proxy', settings.trustProxy ? 1 : false);
  app.use(accessLine(app.get(Log), settings.logSourceIp), safeHeaders, onlyOurPaths);
  app.useBodyParser('json', { limit: JSON_LIMIT, strict: true });
  app.use(problemHandler);
  app.setGlobalPrefix(PREFIX, { exclude: WITHOUT_PREFIX.map((path) => ({ path, method: RequestMethod.ALL })) });
  app.useGlobalPipes(validationPipe());
  app.useGlobalFilters(new ProblemFilter());
}

/** An API serves no page: nothing it answers may run, be framed, be sniffed or be kept by default. */
function safeHeaders(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  response.setHeader('Cache-Control', 'no-store');
  next();
}

/** Nest answers for paths under the prefix only; the rest would get Express's pages, and so never gets that far. */
function onlyOurPaths(request: Request, _response: Response, next: NextFunction): void {
  decodeURIComponent(request.path);
  if (!OUR_PATHS.test(request.path)) throw new HttpError('HTTP.NOT_FOUND', 'there is no such resource');
  next();
}
