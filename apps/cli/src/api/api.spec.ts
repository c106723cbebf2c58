import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Problem } from '#libs/kernel';
import { CliError } from '../cli.errors.js';
import { httpServer } from '../offline/http-server.fixture.js';
import { Api } from './api.js';
import { serverVerification } from './server-verification.js';

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** Runs `use` with an API whose server gives these answers in turn; the last one for ever. */
async function withApi<T>(
  answers: readonly { status: number; body: object; headers?: Record<string, string> }[],
  use: (api: Api, seen: Seen[]) => Promise<T>,
): Promise<T> {
  const seen: Seen[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = '';
    for await (const part of request) body += String(part);
    seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
    const given = answers[Math.min(seen.length, answers.length) - 1];
    response.writeHead(given?.status ?? 500, { 'x-request-id': 'r-1', ...given?.headers });
    response.end(JSON.stringify(given?.body));
  };
  const server = await httpServer((request, response) => void answer(request, response));
  try {
    return await use(new Api({ server: new URL(`${server.url}/api/v1/`), key: 'secret' }), seen);
  } finally {
    await server.close();
  }
}

const problem = (
  status: number,
  retryable: boolean,
): { status: number; body: Partial<Problem>; headers: Record<string, string> } => ({
  status,
  body: {
    code: 'some_code',
    detail: 'what was wrong',
    request_id: 'r-1',
    retryable,
    errors: [{ pointer: '/limit', code: 'max', detail: 'at most 1000' }],
  },
  headers: { 'retry-after': '0' },
});
const failure = (promise: Promise<unknown>): Promise<CliError> =>
  promise.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => (error instanceof CliError ? error : Promise.reject(error as Error)),
  );

describe('Api', () => {
  it('sends the key and a trace, and leaves out what was not given', async () => {
    await withApi([{ status: 200, body: { ok: true } }], async (api, seen) => {
      expect(await api.get('/audit/events', { kind: 'a.b', job_id: undefined, limit: 3 })).toEqual({ ok: true });
      await api.post('/audit/keys/rotate', { purpose: 'note' });
      expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
        'GET /api/v1/audit/events?kind=a.b&limit=3',
        'POST /api/v1/audit/keys/rotate',
      ]);
      expect(seen[1]?.body).toBe('{"purpose":"note"}');
      const traces = seen.map(
        ({ headers }) => /^00-([0-9a-f]{32})-[0-9a-f]{16}-01$/.exec(String(headers['traceparent']))?.[1],
      );
      expect(new Set(traces).size).toBe(1);
      expect(seen[0]?.headers.authorization).toBe('Bearer secret');
    });
  });

  it('names code, fault, trace and request of a refusal', async () => {
    const error = await withApi([problem(422, false)], (api) => failure(api.get('/audit/events')));
    expect(error.code).toBe('CLI.REFUSED');
    expect(error.message).toMatch(
      /^422 some_code: what was wrong; \/limit: at most 1000 \(trace_id [0-9a-f]{32}, request_id r-1\)$/,
    );
  });

  it('asks again where it is told to, but does not repeat an act that may have been done', async () => {
    await withApi([problem(503, true), { status: 200, body: { n: 1 } }], async (api) => {
      expect(await api.get('/x')).toEqual({ n: 1 });
    });
    await withApi([problem(429, true), { status: 200, body: { n: 2 } }], async (api) => {
      expect(await api.post('/x')).toEqual({ n: 2 });
    });
    await withApi([problem(503, true)], async (api, seen) => {
      expect((await failure(api.post('/x'))).code).toBe('CLI.UNAVAILABLE');
      expect(seen).toHaveLength(1);
    });
    await withApi([problem(503, true)], async (api, seen) => {
      expect((await failure(api.get('/x'))).code).toBe('CLI.UNAVAILABLE');
      expect(seen).toHaveLength(5);
    });
  });

  it('says of a server that takes too long that it may still be at it', async () => {
    const server = await httpServer(() => undefined);
    try {
      const error = await failure(new Api({ server: new URL(server.url), key: 'secret' }).post('/x', {}, 20));
      expect(error).toMatchObject({
        code: 'CLI.UNAVAILABLE',
        message: `${server.url} did not answer in 0.02 s, and may still be at it`,
      });
    } finally {
      await server.close();
    }
  });

  it('says that a page of a proxy is no answer of the API', async () => {
    const error = await withApi([{ status: 502, body: [] }], (api) => failure(api.get('/x')));
    expect(error.code).toBe('CLI.UNAVAILABLE');
  });
});

describe('serverVerification', () => {
  const run = (state: string, more: object = {}): { status: number; body: object } => ({
    status: 202,
    body: { id: 'v1', state, progress: { done: 5, total: 10 }, error: null, ...more },
  });
  const options = { vkeys: ['k'], requireAnchor: true };

  it('starts one, follows it, and gives its report', async () => {
    const progress: object[] = [];
    const answers = [run('queued'), run('running'), run('done', { report: { tier: 'consistent' } })];
    await withApi(answers, async (api, seen) => {
      const report = await serverVerification(api, { ...options, from: 3, progress: (at) => progress.push(at) });
      expect(report).toEqual({ tier: 'consistent' });
      expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ from: 3, vkeys: ['k'], require_anchor: true });
      expect(seen[2]?.url).toBe('/api/v1/audit/verifications/v1');
      expect(progress).toEqual([
        { done: 5, of: 10 },
        { done: 5, of: 10 },
      ]);
    });
  });

  it('fails with CLI.VERIFICATION_ENDED when it was canceled', async () => {
    const error = await withApi([run('canceled')], (api) =>
      failure(serverVerification(api, { ...options, progress: () => undefined })),
    );
    expect(error.code).toBe('CLI.VERIFICATION_ENDED');
  });
});
