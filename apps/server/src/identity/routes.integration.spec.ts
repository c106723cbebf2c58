import request from 'supertest';
import { sampleBatch } from '../audit/storage/archive-batch.fixture.js';
import { newApiKey } from './domain/api-key.js';
import { recordOf, wholeServer, type WholeServer } from './server.fixture.js';

/** The only routes that ask for no key. A new one is added here by hand, or this test fails. */
const PUBLIC = [
  'get /.well-known/jwks.json',
  'get /_health',
  'get /_health/live',
  'get /_health/ready',
  'get /_health/startup',
];
/** Those that ask for a key and no scope. */
const ANY_KEY = ['get /api/v1/me'];
/** Beside the prefix, and not for everyone. */
const WITH_A_KEY = ['get /_metrics', 'get /metrics'];
/** Verifying, and acts that leave an event themselves. */
const LEDGER_ORDERS = [
  'post /api/v1/audit/archive/run',
  'post /api/v1/audit/archives/:id/restore',
  'post /api/v1/audit/archives/:id/verify',
  'post /api/v1/audit/erasures',
  'post /api/v1/audit/erasures/replay',
  'post /api/v1/audit/holds',
  'post /api/v1/audit/holds/:id/release',
  'post /api/v1/audit/keys/:id/compromised',
  'post /api/v1/audit/keys/:id/retire',
  'post /api/v1/audit/keys/rotate',
  'post /api/v1/audit/ledgers/:tenant/reopen',
  'post /api/v1/audit/verifications',
  'post /api/v1/audit/verifications/:id/cancel',
];
/** Where Nest itself answers for what nobody has, beside the prefix. */
const NOBODYS = ['/_metrics', '/metrics', '/_health', '/_health/{*rest}', '/.well-known/{*rest}', '/tlog/{*rest}'];

interface Route {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  path: string;
  /** Method and template. */
  name: string;
}

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
}

describe('every route of the server', () => {
  let server: WholeServer;
  let routes: Route[];
  const powerless = newApiKey();

  beforeAll(async () => {
    server = await wholeServer();
    const { router } = server.app.getHttpAdapter().getInstance() as { router: { stack: Layer[] } };
    routes = router.stack.flatMap(({ route }) => {
      if (!route || typeof route.path !== 'string') return [];
      const methods = Object.keys(route.methods).filter((method) => /^(get|post|put|patch|delete)$/.test(method));
      const path = route.path.replace(/:\w+/g, '0193a1b2-c3d4-7000-8000-000000000000').replace(/\{?\*\w+\}?/g, 'x');
      return methods.map((method) => ({ method: method as Route['method'], path, name: `${method} ${route.path}` }));
    });
    await server.keys.insertOne(recordOf(powerless, { scopes: ['admin:*#tenant/other'] }));
  });
  afterAll(() => server.stop());

  const asked = async ({ method, path }: Route, headers = {}) =>
    (await request(server.app.getHttpServer())[method](path).set(headers)) as {
      status: number;
      body: { detail: string };
    };
  const isNobodys = ({ name }: Route) =>
    NOBODYS.includes(name.split(' ')[1]!) && ![...PUBLIC, ...WITH_A_KEY].includes(name);

  it('changes or deletes no entry: what an operator can order of a ledger is all here', () => {
    const orders = routes.filter(
      (route) => route.method !== 'get' && /audit|tlog/.test(route.path) && !isNobodys(route),
    );
    expect(orders.map(({ name }) => name).sort()).toEqual(LEDGER_ORDERS);
  });

  it('is known to this test', () => {
    expect(routes.filter((route) => !isNobodys(route)).length).toBeGreaterThan(12);
    expect(routes.map(({ name }) => name)).toEqual(expect.arrayContaining([...PUBLIC, ...ANY_KEY]));
  });

  it('is 401 without a key, unless it is on the list of public ones', async () => {
    const open: string[] = [];
    for (const route of routes) {
      const { status } = await asked(route);
      if (status !== (isNobodys(route) ? 404 : 401)) open.push(route.name);
    }
    expect([...new Set(open)].sort()).toEqual(PUBLIC);
  });

  it('is 403 with a key that has no scope for it, and says which', async () => {
    const open: string[] = [];
    for (const route of routes.filter((route) => !isNobodys(route) && !PUBLIC.includes(route.name))) {
      const { status, body } = await asked(route, { 'X-API-Key': powerless });
      if (status !== 403) open.push(route.name);
      else expect(body.detail).toMatch(/scope [a-z]+:[a-z*]+#tenant\/default.*\(rule scope_required\)/);
    }
    expect(open).toEqual(ANY_KEY);
  });

  describe('when its query names another tenant', () => {
    const batch = sampleBatch('other', 0, { endSeq: 0, eventCount: 1 }); // no more than its ledger has
    const READER = ['audit:read#tenant/default', 'audit:verify#tenant/default'];
    const keyOf = async (change: Parameters<typeof recordOf>[1]): Promise<object> => {
      const key = newApiKey();
      await server.keys.insertOne(recordOf(key, change));
      return { 'X-API-Key': key };
    };
    const answers = async (tenant: string, headers: object) => {
      const of = (method: 'get' | 'post', path: string) =>
        asked({ method, path: `/api/v1/audit${path}?tenant=${tenant}`, name: path }, headers);
      const [list, one, verdict, retention, anchors] = await Promise.all([
        of('get', '/archives'),
        of('get', `/archives/${batch._id}`),
        of('post', `/archives/${batch._id}/verify`),
        of('get', '/retention'),
        of('get', '/anchors'),
      ]);
      return { list, one, verdict, retention, anchors };
    };

    beforeAll(async () => {
      const theirs = await keyOf({ of_tenant: 'other', scopes: ['audit:read#tenant/other'] });
      await asked({ method: 'get', path: '/api/v1/audit/events', name: '' }, theirs); // begins the ledger
      await server.store.collection<typeof batch>('archive_batches').insertOne(batch);
    });

    it('is 403 but for an operator whose key holds admin:*', async () => {
      const keys = await Promise.all([
        keyOf({ scopes: READER }),
        keyOf({ scopes: ['admin:*#tenant/default'] }),
        keyOf({ scopes: READER, actor_type: 'operator' }),
      ]);
      for (const headers of keys) {
        const all = Object.values(await answers('other', headers));
        expect(all.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403]);
        expect((await answers('default', headers)).list.status).toBe(200);
      }
    });

    it('shows the operator that tenant’s, and notes it there', async () => {
      const operator = await keyOf({ actor_type: 'operator', scopes: ['admin:*#tenant/default'] });
      const { list, one, verdict, retention, anchors } = await answers('other', operator);
      for (const { body } of [retention, anchors]) expect(body).toMatchObject({ tenant: 'other' });
      expect(list.body).toMatchObject({ archives: [{ id: batch._id, tenant: 'other' }] });
      expect(one.body).toMatchObject({ id: batch._id, tenant: 'other' });
      expect(verdict).toMatchObject({ status: 200, body: { batch_id: batch._id, tenant: 'other', tier: 'broken' } });
      const noted = (await server.events('other')).map(({ kind, data }) => [kind, data['query']]);
      expect(noted).toEqual(
        expect.arrayContaining([
          ...['archives', 'retention', 'anchors'].map((query) => ['audit.read', query]),
          expect.arrayContaining(['archive.verified']),
        ]),
      );
      expect((await answers('default', operator)).one.body).toMatchObject({ code: 'archive_not_found' });
      const nobodys = Object.values(await answers('nobodys', operator));
      expect(nobodys.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
      expect(await server.events('nobodys')).toEqual([]);
    });
  });
});
