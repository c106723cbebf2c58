import { once } from 'node:events';
import { connect } from 'node:net';
import { startServer, type RunningServer } from '#libs/testing';
import { get, submission } from './server.fixture.js';

let server: RunningServer;
let url: string;
let bearer: { authorization: string };

beforeAll(async () => {
  server = await startServer({ env: { LOG_SAMPLE_RATE: '1' } });
  url = `${server.url}/api/v1`;
  bearer = { authorization: `Bearer ${server.apiKey}` };
});
afterAll(() => server.remove());

/** Holds for every answer that is no success: RFC 9457, and nothing of what is inside. */
async function problemOf(answer: Response): Promise<Record<string, unknown>> {
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.headers.get('x-powered-by')).toBeNull();
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const text = await answer.text();
  expect(text).not.toMatch(/node_modules|\bat .*\.[jt]s:\d+|\/src\//);
  const problem = JSON.parse(text) as Record<string, unknown>;
  expect(problem).toMatchObject({
    type: `/problems/${String(problem['code'])}`,
    title: expect.any(String),
    status: answer.status,
    detail: expect.any(String),
    request_id: answer.headers.get('x-request-id'),
    retryable: expect.any(Boolean),
  });
  return problem;
}

describe('who is asked', () => {
  it.each(['/jobs', '/jobs/0', '/jobs/0/result', '/audit/events', '/audit/verify'])(
    'GET %s without a key, or with a wrong one, is 401',
    async (path) => {
      for (const authorization of ['', 'Bearer wrong', `Basic ${btoa('a:b')}`, `Bearer ${server.apiKey}x`]) {
        const answer = await fetch(url + path, { headers: { authorization } });
        expect(answer.status).toBe(401);
        expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
        expect(await problemOf(answer)).toMatchObject({ code: 'unauthenticated' });
      }
    },
  );

  it('a key is taken as a bearer or in X-API-Key, and health asks for none', async () => {
    expect((await get(server, '/jobs')).status).toBe(200);
    expect((await fetch(`${url}/jobs`, { headers: { 'x-api-key': server.apiKey } })).status).toBe(200);
    for (const probe of ['live', 'ready', 'startup']) {
      expect((await fetch(`${server.url}/_health/${probe}`)).status).toBe(200);
    }
  });

  it("another tenant's id and an id of nothing are the same 404", async () => {
    const ids = ['0198c0de-0000-7000-8000-000000000000', 'nothing', '%00', '..%2F..%2Fetc%2Fpasswd', 'a'.repeat(2_000)];
    for (const id of ids) {
      for (const path of [`/jobs/${id}`, `/jobs/${id}/result`, `/jobs/${id}/report`, `/jobs/${id}/promotion`]) {
        const answer = await get(server, path);
        expect({ path, status: answer.status }).toEqual({ path, status: 404 });
        await problemOf(answer);
      }
    }
  });
});

describe('what is not there', () => {
  it.each(['/api/v1/nothing', '/api/v1', '/api/v2/jobs', '/', '/index.html', '/.env', '/_health/nothing'])(
    'GET %s is 404 in the same shape',
    async (path) => {
      const answer = await fetch(server.url + path, { headers: bearer });
      expect(answer.status).toBe(404);
      expect(await problemOf(answer)).toMatchObject({ code: 'not_found' });
    },
  );

  it('a path that cannot be decoded is 400', async () => {
    const answer = await fetch(`${server.url}/api/v1/%E0%A4%A`, { headers: bearer });
    expect(answer.status).toBe(400);
    expect(await problemOf(answer)).toMatchObject({ code: 'bad_request' });
  });
});

describe('X-Request-Id', () => {
  it("is the caller's when it is well formed, in the answer and in the log", async () => {
    for (const id of ['order-17.b_2', 'A'.repeat(64), '.x']) {
      const answer = await get(server, '/jobs', { 'x-request-id': id });
      expect({ status: answer.status, id: answer.headers.get('x-request-id') }).toEqual({ status: 200, id });
      await answer.text();
    }
    expect(server.log()).toContain('"request_id":"order-17.b_2"');
  });

  it.each(['', 'a b', 'x'.repeat(65), '{"a":1}', '../../etc'])('is a new one instead of %j', async (given) => {
    const answer = await get(server, '/jobs', { 'x-request-id': given });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    await answer.text();
  });
});

describe('bodies that are wrong', () => {
  const post = (body: FormData | string, headers: Record<string, string>): Promise<Response> =>
    fetch(`${url}/jobs`, { method: 'POST', body, headers: { ...bearer, ...headers } });

  it.each([
    ['no boundary', 'multipart/form-data', 'x', 400],
    ['another boundary', 'multipart/form-data; boundary=a', '--b\r\n\r\n--b--', 400],
    [
      'a part without an end',
      'multipart/form-data; boundary=a',
      '--a\r\nContent-Disposition: form-data; name="x"\r\n',
      400,
    ],
    ['no part at all', 'multipart/form-data; boundary=a', '--a--\r\n', 422],
    ['text', 'text/plain', 'x', 415],
    ['JSON', 'application/json', '{"platform":"720"}', 415],
  ])('POST /jobs of %s is refused as what it is', async (_what, type, body, status) => {
    const answer = await post(body, { 'content-type': type });
    expect(answer.status).toBe(status);
    await problemOf(answer);
  });

  it('a submission that lacks fields names each', async () => {
    const form = await submission('someone');
    form.delete('platform');
    form.delete('user_id');
    const answer = await post(form, {});
    expect(answer.status).toBe(422);
    const { errors } = (await problemOf(answer)) as { errors: { pointer: string }[] };
    expect([...new Set(errors.map(({ pointer }) => pointer))].sort()).toEqual(['/platform', '/user_id']);
  });

  it('JSON of more than 256 KiB is 413, JSON that is none is 400', async () => {
    const headers = { 'content-type': 'application/json' };
    const large = await post(JSON.stringify({ a: 'x'.repeat(300_000) }), headers);
    expect(large.status).toBe(413);
    expect(await problemOf(large)).toMatchObject({ code: 'payload_too_large' });
    const broken = await post('{"a":', headers);
    expect(broken.status).toBe(400);
    await problemOf(broken);
  });

  it('an upload cut off in the middle leaves the server well and no job behind', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    const head = ['POST /api/v1/jobs HTTP/1.1', 'Host: assay', `Authorization: ${bearer.authorization}`];
    const body = '--a\r\nContent-Disposition: form-data; name="model"; filename="m.onnx"\r\n\r\nhalf';
    const type = 'Content-Type: multipart/form-data; boundary=a';
    const cut = [...head, 'X-Request-Id: cut-off', type, 'Content-Length: 100000', 'Expect: 100-continue', '', ''];
    socket.write(cut.join('\r\n'));
    await once(socket, 'data'); // 100 Continue: the server has begun to read
    socket.write(body, () => socket.destroy());
    while (!/"request_id":"cut-off"/.test(server.log())) await new Promise((resolve) => setImmediate(resolve));
    const { items } = (await (await get(server, '/jobs')).json()) as { items: unknown[] };
    expect(items).toEqual([]);
  });
});

it('the log of all this is one JSON object a line and holds neither the key nor a body', () => {
  const lines = server.log().trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(20);
  for (const line of lines)
    expect(JSON.parse(line)).toMatchObject({ level: expect.any(String), action: expect.any(String) });
  expect(server.log()).not.toContain(server.apiKey);
  expect(server.log()).not.toContain('half');
  expect(server.log()).not.toContain('xxxxxxxx');
});
