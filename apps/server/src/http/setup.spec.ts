import 'reflect-metadata';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import {
  BadGatewayException,
  Body,
  type CanActivate,
  Controller,
  Get,
  Header,
  HttpException,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import { Type } from 'class-transformer';
import { IsInt, IsString, Min, ValidateNested } from 'class-validator';
import type { Response } from 'express';
import request from 'supertest';
import { CodedError } from '#libs/kernel';
import { Action } from './action.js';
import { HttpError } from './http.errors.js';
import { type ProbeApp, probeApp } from './http.fixture.js';
import { annotate, requestContext } from './request-context.js';

class Inner {
  @IsInt()
  @Min(1)
  depth!: number;
}

class Thing {
  @IsString()
  name!: string;

  @ValidateNested()
  @Type(() => Inner)
  inner!: Inner;
}

const SECRET = 'assay_0123456789abcdef_c2VjcmV0c2VjcmV0';

/** Of a room. */
class NotYetError extends CodedError<'AUDIT.EVENT_NOT_COVERED'> {}

@Controller('probe')
class ProbeController {
  @Get('fine')
  @Action('probe.fine')
  fine(): object {
    annotate({ job_id: 'j-1' });
    return { ...requestContext() };
  }

  @Get('query')
  query(@Query() query: object): object {
    return query;
  }

  @Post('things')
  @Action('probe.created', { failed: 'probe.create_failed' })
  create(@Body() thing: Thing): object {
    return { name: thing.name };
  }

  @Post('uploads')
  @Action('probe.uploaded', { failed: 'probe.upload_failed', sensitive: true })
  upload(@Body() thing: Thing): object {
    return { name: thing.name };
  }

  @Get('unknown')
  unknown(): never {
    throw new Error(`cannot reach mongodb://admin:hunter2@db.internal with ${SECRET}`);
  }

  @Get('thrown/:what')
  thrown(): never {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- what a careless library may do
    throw `a string with ${SECRET}`;
  }

  @Get('coded')
  coded(): never {
    throw new HttpError('HTTP.UNAVAILABLE', 'store at /srv/data is gone');
  }

  @Get('later')
  later(): never {
    throw new NotYetError('AUDIT.EVENT_NOT_COVERED', 'the event stands at seq 7: ask again');
  }

  @Get('nest')
  nest(): never {
    throw new HttpException({ upstream: SECRET }, 409);
  }

  @Get('gateway')
  gateway(): never {
    throw new BadGatewayException(SECRET);
  }

  @Get('cut')
  @Header('content-length', '100')
  cut(@Res() response: Response): never {
    response.write('half');
    throw new Error('the source ended');
  }

  @Get('slow')
  @Action('probe.slow')
  slow(@Res() response: Response): void {
    response.setHeader('X-Slow', '1'); // and answers never: the caller leaves
  }
}

let probe: ProbeApp;
const http = () => request(probe.app.getHttpServer());
/** The line of a request; written when the connection's close is seen, which may be after the answer. */
const lineOf = (path: string) => until(() => probe.lines.find((line) => line['request_id'] === path));

async function until<T>(found: () => T | undefined): Promise<T> {
  for (;;) {
    const value = found();
    if (value !== undefined) return value;
    await new Promise(setImmediate);
  }
}

beforeEach(async () => {
  probe = await probeApp([ProbeController]);
});
afterEach(() => probe.close());

describe('X-Request-Id', () => {
  it.each(['a', 'A-b_c.9', 'x'.repeat(64)])('is the caller’s when well formed (%s)', async (id) => {
    const answer = await http().get('/api/v1/probe/fine').set('X-Request-Id', id);
    expect(answer.headers['x-request-id']).toBe(id);
    expect(answer.body.request_id).toBe(id);
  });

  it.each(['', 'x'.repeat(65), 'a b', 'ä', 'a/b', 'a"b'])('is a new UUIDv4 when it is not (%j)', async (id) => {
    const answer = await http().get('/api/v1/probe/fine').set('X-Request-Id', Buffer.from(id).toString('latin1'));
    expect(answer.headers['x-request-id']).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });
});

describe('the trace', () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';

  it('is the caller’s when traceparent is well formed', async () => {
    const answer = await http().get('/api/v1/probe/fine').set('traceparent', `00-${trace}-00f067aa0ba902b7-01`);
    expect(answer.body).toMatchObject({ trace_id: trace, fields: { parent_span_id: '00f067aa0ba902b7' } });
  });

  it.each([
    `00-${trace}-0000000000000000-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `ff-${trace}-00f067aa0ba902b7-01`,
    `00-${trace}-00f067aa0ba902b7-01-more`,
    `00-${trace.toUpperCase()}-00f067aa0ba902b7-01`,
    'nonsense',
  ])('is new when it is not (%s)', async (traceparent) => {
    const answer = await http().get('/api/v1/probe/fine').set('traceparent', traceparent);
    expect(answer.body.trace_id).toMatch(/^[0-9a-f]{32}$/);
    expect(answer.body.trace_id).not.toBe(trace);
  });
});

describe('a problem', () => {
  const problemOf = async (path: string, status: number) => {
    const answer = await http().get(`/api/v1/probe/${path}`).set('X-Request-Id', 'r-1').expect(status);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.text).not.toMatch(/hunter2|c2Vjcm|srv|mongodb|upstream|stack/);
    return answer.body as Record<string, unknown>;
  };

  it('of an unknown error is 500 internal and says nothing of it', async () => {
    expect(await problemOf('unknown', 500)).toEqual({
      type: '/problems/internal',
      title: 'Internal error',
      status: 500,
      detail: 'Internal error',
      code: 'internal',
      request_id: 'r-1',
      retryable: false,
    });
    expect(await problemOf('thrown/x', 500)).toMatchObject({ code: 'internal' });
    expect(await problemOf('gateway', 500)).toMatchObject({ code: 'internal' });
  });

  it('of a coded error follows the table, without the message when the fault is ours', async () => {
    expect(await problemOf('coded', 503)).toMatchObject({ code: 'unavailable', retryable: true });
  });

  it('says when to try again where the table knows', async () => {
    const answer = await http().get('/api/v1/probe/later');
    expect(answer.status).toBe(409);
    expect(answer.headers).toMatchObject({ 'retry-after': '1' });
    expect(answer.body).toMatchObject({ code: 'event_not_covered', retryable: true, retry_after_ms: 500 });
    expect((await http().get('/api/v1/probe/coded')).headers).not.toHaveProperty('retry-after');
  });

  it('of a framework’s own exception keeps the kind of status and none of the text', async () => {
    expect(await problemOf('nest', 400)).toMatchObject({ code: 'bad_request' });
  });

  it('of a route nobody has is 404 not_found', async () => {
    expect(await problemOf('nothing', 404)).toMatchObject({ code: 'not_found' });
    for (const path of ['/', '/api', '/api/v2/x', '/_health/x', '/tlog/x']) {
      await http()
        .get(path)
        .expect(404)
        .expect('content-type', /problem/);
    }
    for (const path of ['/%E0%A4%A', '/tlog/%E0%A4%A', '/api/v1/probe/thrown/%E0%A4%A']) {
      await http()
        .get(path)
        .expect(400)
        .expect('content-type', /problem/);
    }
    await http()
      .post('/_health')
      .type('json')
      .send('{')
      .expect(400)
      .expect('content-type', /problem/);
  });

  it.each([
    ['{"name":', 'application/json', 400, 'bad_request'],
    ['"text"', 'application/json', 400, 'bad_request'],
    [JSON.stringify({ name: 'x'.repeat(300_000) }), 'application/json', 413, 'payload_too_large'],
    ['{}', 'application/json; charset=koi8-r', 415, 'unsupported_media_type'],
  ])('of a body that cannot be parsed is the parser’s (%#)', async (body, type, status, code) => {
    const answer = await http().post('/api/v1/probe/things').set('Content-Type', type).send(body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  });

  it('of a DTO is 422 invalid_input with a pointer per fault and no values', async () => {
    const answer = await http()
      .post('/api/v1/probe/things')
      .send({ name: 7, inner: { depth: 0 }, 'a/b~c': 'hunter2' })
      .expect(422);
    expect(answer.body).toMatchObject({ code: 'invalid_input', retryable: false });
    const { errors } = answer.body as { errors: { pointer: string; code: string }[] };
    expect(errors.map(({ pointer, code }) => [pointer, code])).toEqual(
      expect.arrayContaining([
        ['/name', 'is_string'],
        ['/inner/depth', 'min'],
        ['/a~1b~0c', 'unknown_field'],
      ]),
    );
    expect(answer.text).not.toContain('hunter2');
  });

  it('after the headers are out resets the connection, and the line says stream_error', async () => {
    await expect(http().get('/api/v1/probe/cut').set('X-Request-Id', 'cut')).rejects.toThrow(/aborted|hang up|reset/);
    expect(await lineOf('cut')).toMatchObject({ error_code: 'stream_error' });
  });
});

describe('the line at the end of a request', () => {
  it('carries what the issue lists and what the route annotated', async () => {
    await http().get('/api/v1/probe/fine').set('X-Request-Id', 'one').expect(200);
    expect(await lineOf('one')).toMatchObject({
      level: 'info',
      request_id: 'one',
      trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      job_id: 'j-1',
      method: 'GET',
      code: 200,
      duration_ms: expect.any(Number),
      source_ip: '127.0.0.0/24',
    });
  });

  it('is written for a route nobody has, without the path', async () => {
    await http().get('/api/v1/who/jane@example.com').set('X-Request-Id', 'none').expect(404);
    const line = await lineOf('none');
    expect(line).toMatchObject({ route: 'unmatched', code: 404, error_code: 'not_found', level: 'warn' });
    expect(JSON.stringify(line)).not.toContain('jane');
  });

  it('of an error of ours has class and frames, and no message of a library', async () => {
    await http().get('/api/v1/probe/unknown').set('X-Request-Id', 'boom').expect(500);
    const line = await lineOf('boom');
    expect(line).toMatchObject({ level: 'error', code: 500, error_code: 'internal', error_name: 'Error' });
    expect(line).toHaveProperty('details.stack', expect.stringContaining('setup.spec.ts'));
    expect(JSON.stringify(line)).not.toMatch(/hunter2|c2Vjcm|db\.internal/);
  });

  it('is written once for a caller who left', async () => {
    const { port } = probe.app.getHttpServer().address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /api/v1/probe/slow HTTP/1.1\r\nHost: x\r\nX-Request-Id: left\r\n\r\n');
    await once(probe.app.getHttpServer(), 'request');
    socket.destroy();
    expect(await lineOf('left')).toMatchObject({ code: 499, error_code: 'client_closed' });
    expect(probe.lines.filter((line) => line['request_id'] === 'left')).toHaveLength(1);
  });
});

describe('a refusal on a sensitive route', () => {
  it('is a security event beside the line, and a success is none', async () => {
    await http().post('/api/v1/probe/uploads').set('X-Request-Id', 'bad').send({}).expect(422);
    await http()
      .post('/api/v1/probe/uploads')
      .set('X-Request-Id', 'good')
      .send({ name: 'a', inner: { depth: 1 } })
      .expect(201);
    await lineOf('good');
    const told = probe.lines.filter(({ action }) => action === 'security.event');
    expect(told).toMatchObject([
      {
        level: 'warn',
        request_id: 'bad',
        route: '/api/v1/probe/uploads',
        method: 'POST',
        code: 422,
        actor: 'anonymous',
        source_ip: '127.0.0.0/24',
        duration_ms: expect.any(Number),
      },
    ]);
    expect(probe.lines.filter(({ action }) => action === 'probe.upload_failed')).toHaveLength(1);
  });

  it('elsewhere is the line alone', async () => {
    await http().post('/api/v1/probe/things').set('X-Request-Id', 'bad').send({}).expect(422);
    expect(await lineOf('bad')).toMatchObject({ action: 'probe.create_failed' });
    expect(probe.lines.filter(({ action }) => action === 'security.event')).toEqual([]);
  });
});

describe('every answer', () => {
  it('has the safe headers, no ETag of Express and no name of the framework', async () => {
    const { headers } = await http().get('/api/v1/probe/fine');
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).not.toHaveProperty('etag');
  });

  it('reads a query as flat text: no object can be smuggled in', async () => {
    const { body } = await http().get('/api/v1/probe/query?a[$ne]=1&b=2').expect(200);
    expect(body).toEqual({ 'a[$ne]': '1', b: '2' });
  });
});

describe('when a guard refuses', () => {
  class ClosedGuard implements CanActivate {
    canActivate(): boolean {
      throw new HttpError('HTTP.UNAVAILABLE', 'closed');
    }
  }

  it('the line is written all the same', async () => {
    const closed = await probeApp([ProbeController], { guard: ClosedGuard });
    await request(closed.app.getHttpServer()).get('/api/v1/probe/fine').expect(503);
    expect(await until(() => closed.lines.find((line) => line['code'] === 503))).toMatchObject({
      error_code: 'unavailable',
    });
    await closed.close();
  });
});
