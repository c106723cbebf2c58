import { fixtureCnn, type RunningServer } from '#libs/testing';
import { Api, startedServer, Store, type JobAnswer, type Part } from './jobs.fixture.js';

interface Page {
  items: JobAnswer[];
  limit: number;
  next_cursor: string | null;
}

const KEY = 'key-that-two-tenants-have-one-after-the-other';
const model = fixtureCnn();

let server: RunningServer;
let api: Api;
const ids: string[] = [];

/** No worker: jobs stay queued. Seven jobs, newest first in `ids`. */
beforeAll(async () => {
  server = await startedServer({
    ASSAY_ROLES: 'api,ledger',
    CONVERTER_API_KEY: KEY,
    CONVERTER_API_KEY_TENANT: 'alpha',
  });
  api = new Api(server.url, KEY);
  for (let index = 0; index < 7; index += 1) {
    const parts: Part[] = [
      ['model', model, 'net.onnx'],
      ['platform', index % 2 === 0 ? '520' : '720'],
      ['user_id', `user-${index}`],
      ['labels', index < 3 ? 'early' : 'late'],
    ];
    ids.unshift((await api.submitted(parts)).id);
  }
});

afterAll(() => server.remove());

const idsOf = ({ items }: Page) => items.map(({ id }) => id);

describe('GET /jobs', () => {
  it('walks all jobs by its cursor, newest first, each once', async () => {
    const seen: string[] = [];
    let path = '/jobs?limit=3';
    for (;;) {
      const answer = await api.call(path);
      const page = (await answer.json()) as Page;
      expect(page.limit).toBe(3);
      seen.push(...idsOf(page));
      const next = /^<\/api\/v1([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
      expect(next === undefined).toBe(page.next_cursor === null);
      if (!next) break;
      path = next;
    }
    expect(seen).toEqual(ids);
  });

  it('keeps the filters on the next page', async () => {
    const first = await api.call('/jobs?platform=520&limit=2');
    const link = /<\/api\/v1([^>]+)>/.exec(first.headers.get('link')!)![1]!;
    const pages = [(await first.json()) as Page, await api.json<Page>(link)];
    expect(pages.flatMap(idsOf)).toEqual([ids[0], ids[2], ids[4], ids[6]]);
  });

  it.each([
    ['status=in_progress', () => ids],
    ['status=queued', () => ids],
    ['status=running', () => []],
    ['status=completed', () => []],
    ['platform=720', () => [ids[1], ids[3], ids[5]]],
    ['user_id=user-2', () => [ids[4]]],
    ['label=early', () => ids.slice(4)],
    ['label=late&platform=520', () => [ids[0], ids[2]]],
    ['created_after=2100-01-01T00:00:00Z', () => []],
    ['created_before=2100-01-01T00:00:00Z&created_after=2020-01-01T00:00:00Z', () => ids],
  ])('filters by %s', async (query, expected) => {
    expect(idsOf(await api.json<Page>(`/jobs?${query}`))).toEqual(expected());
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'status=odd', 'cursor=zz', 'colour=red', 'created_after=now'])(
    'answers 422 for %s and points at it',
    async (query) => {
      const answer = await api.call(`/jobs?${query}`);
      expect(answer.status).toBe(422);
      const problem = (await answer.json()) as { errors: { pointer: string }[] };
      expect(problem.errors.map(({ pointer }) => pointer)).toContain(`/${query.split('=')[0]}`);
    },
  );
});

describe('GET /jobs/:id', () => {
  it('has the shape the list shows', async () => {
    const [first] = (await api.json<Page>('/jobs?limit=1')).items;
    await expect(api.json(`/jobs/${ids[0]}`)).resolves.toEqual(first);
  });

  it('answers 304 to its own strong ETag, and anew after a change', async () => {
    const etag = (await api.call(`/jobs/${ids[1]}`)).headers.get('etag')!;
    expect(etag).toMatch(/^"[^"]+"$/);
    const again = await api.call(`/jobs/${ids[1]}`, { headers: { 'if-none-match': etag } });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe('');
    await api.call(`/jobs/${ids[1]}/cancel`, { method: 'POST' });
    await api.ended(ids[1]!);
    expect((await api.call(`/jobs/${ids[1]}`, { headers: { 'if-none-match': etag } })).status).toBe(200);
  });

  it('says how long it waited when asked to wait', async () => {
    const answer = await api.call(`/jobs/${ids[0]}`, { headers: { prefer: 'respond-async, wait=1' } });
    expect(answer.headers.get('preference-applied')).toBe('wait=1');
    await expect(answer.json()).resolves.toMatchObject({ status: 'queued' });
  });

  it.each(['nothing', '01a1fd92-103c-7072-88eb-7b985d9ed603'])('answers 404 for %s', async (id) => {
    const answer = await api.call(`/jobs/${id}`);
    expect(answer.status).toBe(404);
    await expect(answer.json()).resolves.toMatchObject({ code: 'job_not_found' });
  });
});

describe('POST /jobs/:id/cancel', () => {
  it('ends a queued job, and asking again changes nothing', async () => {
    for (let round = 0; round < 2; round += 1) {
      const answer = await api.call(`/jobs/${ids[2]}/cancel`, { method: 'POST' });
      expect(answer.status).toBe(202);
    }
    await expect(api.ended(ids[2]!)).resolves.toMatchObject({ status: 'canceled' });
    const store = await Store.of(server);
    expect((await store.kindsOf(ids[2]!, 'alpha')).filter((kind) => kind === 'job.canceled')).toHaveLength(1);
    await store.close();
  });
});

describe('another tenant', () => {
  it('finds none of it, on any route', async () => {
    await server.stop();
    const env = { ASSAY_ROLES: 'api,ledger', CONVERTER_API_KEY: KEY, CONVERTER_API_KEY_TENANT: 'beta' };
    server = await startedServer(env, server.dataDir);
    const other = new Api(server.url, KEY);
    await expect(other.json('/jobs')).resolves.toMatchObject({ items: [] });
    const routes: [string, string][] = [
      ['GET', ''],
      ['POST', '/cancel'],
      ['GET', '/result'],
      ['GET', '/report'],
      ['POST', '/promote'],
      ['GET', '/promotion'],
    ];
    for (const [method, path] of routes) {
      const answer = await other.call(`/jobs/${ids[0]}${path}`, { method });
      expect([method, path, answer.status]).toEqual([method, path, 404]);
    }
  });
});
