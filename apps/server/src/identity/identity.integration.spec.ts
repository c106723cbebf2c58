import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import request from 'supertest';
import { newApiKey, fingerprintOf, keyHash, keyIdOf } from './domain/api-key.js';
import { SecurityWindow } from './authentication/security-window.js';
import { recordOf, tempFolder, wholeServer, type WholeServer } from './server.fixture.js';

const me = (server: WholeServer) => request(server.app.getHttpServer()).get('/api/v1/me');
const operatorKey = async (dataDir: string) => (await readFile(join(dataDir, 'operator.key'), 'utf8')).trim();
/** Summaries of refused keys; the ledger of the system says other things meanwhile. */
const rejections = async (server: WholeServer) =>
  (await server.events('system')).filter(({ kind }) => kind === 'auth.api_key.rejected');
const kindsOf = async (server: WholeServer, tenant = 'system') => (await server.events(tenant)).map(({ kind }) => kind);

describe('the first start on the embedded engine', () => {
  let dataDir: string;
  let server: WholeServer;
  const told: string[] = [];

  beforeAll(async () => {
    dataDir = await tempFolder();
    const write = jest.spyOn(process.stderr, 'write').mockImplementation((text) => (told.push(String(text)), true));
    server = await wholeServer({ dataDir });
    write.mockRestore();
  });
  afterAll(async () => {
    await server.stop();
    await rm(dataDir, { recursive: true });
  });

  it('writes the operator’s key to operator.key with 0600, says where, and leaves no draft', async () => {
    const key = await operatorKey(dataDir);
    expect(key).toMatch(/^assay_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
    expect((await stat(join(dataDir, 'operator.key'))).mode & 0o777).toBe(0o600);
    expect(told.join('')).toContain(join(dataDir, 'operator.key'));
    expect(await readdir(dataDir)).not.toContain('operator.key.new');
  });

  it('shows the key nowhere: not in the log, not in what it says, not in any collection', async () => {
    const secret = (await operatorKey(dataDir)).slice(-43);
    const stored = await Promise.all(
      ['api_keys', 'tenants', 'ledger_entries', 'outbox_dead'].map((name) =>
        server.store.collection(name).find().toArray(),
      ),
    );
    const everything = JSON.stringify([server.lines, told, stored, await server.events('system')]);
    expect(everything).not.toContain(secret);
    expect(everything).toContain('config.api_key_enabled');
  });

  it('logs config.api_key_enabled with the length only', () => {
    const line = server.lines.find(({ action }) => action === 'config.api_key_enabled');
    expect(line).toMatchObject({ level: 'info', api_key_length: 66, client_id: 'operator', tenant_id: 'default' });
  });

  it('leaves tenant.created and api_key.created in the system ledger', async () => {
    const events = await server.events('system');
    const [tenant, key, enabled] = ['tenant.created', 'api_key.created', 'config.api_key_enabled'].map((kind) =>
      events.filter((event) => event.kind === kind),
    );
    expect(tenant).toMatchObject([{ refs: { resource: { type: 'tenant', id: 'default' } } }]);
    expect(key).toMatchObject([
      {
        refs: { resource: { type: 'api_key', id: keyIdOf(await operatorKey(dataDir)) } },
        data: { tenant: 'default', client_id: 'operator' },
      },
    ]);
    expect(enabled).toMatchObject([{ data: { api_key_length: 66 } }]);
  });

  it('lets the key in, by either header, and GET /me says who it is', async () => {
    const key = await operatorKey(dataDir);
    const expected = {
      credential: { type: 'api_key', id: keyIdOf(key), fingerprint: fingerprintOf(keyHash(key)) },
      client_id: 'operator',
      tenants: ['default'],
      scopes: ['admin:*#tenant/default'],
      expires_at: null,
    };
    expect((await me(server).set('Authorization', `Bearer ${key}`).expect(200)).body).toEqual(expected);
    expect((await me(server).set('X-API-Key', key).expect(200)).body).toEqual(expected);
  });

  it('records the first use once, and the last use to the hour', async () => {
    const key = await operatorKey(dataDir);
    await Promise.all([1, 2, 3].map(() => me(server).set('X-API-Key', key).expect(200)));
    expect((await kindsOf(server)).filter((kind) => kind === 'auth.api_key.first_used')).toHaveLength(1);
    const record = await server.keys.findOne({ _id: keyIdOf(key)! });
    expect(record!.last_used_at!.getTime() % 3_600_000).toBe(0);
    expect(record!.sha256).toBe(keyHash(key).toString('hex'));
  });

  it.each([
    ['missing', {}],
    ['malformed', { Authorization: 'Basic dXNlcjpwYXNz' }],
    ['malformed', { 'X-API-Key': 'with space' }],
    ['unknown', { 'X-API-Key': newApiKey() }],
    ['unknown', { 'X-API-Key': 'plain' }],
    ['ambiguous', { 'X-API-Key': 'one', Authorization: 'Bearer two' }],
  ] as [string, Record<string, string>][])('refuses with 401 and counts as %s (%#)', async (reason, headers) => {
    const { totals } = server.app.get(SecurityWindow);
    const before = { ...totals };
    const answer = await me(server).set(headers).expect(401);
    expect(answer.body).toMatchObject({ code: 'unauthenticated', retryable: false });
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(totals).toEqual({ ...before, [reason]: before[reason as keyof typeof before] + 1 });
  });

  it('refuses a wrong secret, an expired and a revoked key with the same words as an unknown one', async () => {
    const key = await operatorKey(dataDir);
    const wrong = `${key.slice(0, -4)}${key.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;
    const [expired, revoked] = [newApiKey(), newApiKey()];
    await server.keys.insertOne(recordOf(expired, { expires_at: new Date(1) }));
    await server.keys.insertOne(recordOf(revoked, { revoked_at: new Date(1) }));
    const words = new Set<string>();
    for (const refused of [newApiKey(), wrong, expired, revoked]) {
      const { body } = await me(server).set('X-API-Key', refused).set('X-Request-Id', 'same').expect(401);
      words.add(JSON.stringify(body));
    }
    expect(words.size).toBe(1);
    expect(server.app.get(SecurityWindow).totals).toMatchObject({ wrong_secret: 1, expired: 1, revoked: 1 });
  });

  it('never logs a refused authentication by itself, and ends the window in one event per source with counts', async () => {
    const window = server.app.get(SecurityWindow);
    await window.close();
    const before = (await rejections(server)).length;
    server.lines.length = 0;
    for (let i = 0; i < 5; i += 1) await me(server).expect(401);
    await me(server).set('X-API-Key', 'nobody').expect(401);
    expect(server.lines).toEqual([]);
    await window.close();
    const summaries = (await rejections(server)).slice(before);
    expect(summaries).toHaveLength(1);
    expect(summaries[0]).toMatchObject({
      data: { missing: 5, unknown: 1, wrong_secret: 0 },
    });
    expect(summaries[0]!.data['source']).toMatch(/^[0-9a-f]{64}$/);
    expect(server.lines.filter(({ action }) => action === 'auth.api_key.rejected')).toEqual([
      expect.objectContaining({
        level: 'warn',
        count: 6,
        decision_reason: 'missing=5,unknown=1',
        source_ip: '127.0.0.0/24',
      }),
    ]);
  });

  it('sums up sources beyond the most it tells apart, so that a flood costs a bounded number of events', async () => {
    const window = server.app.get(SecurityWindow);
    await window.close();
    const before = (await rejections(server)).length;
    for (let i = 0; i < 300; i += 1) window.rejected(`10.1.${i >> 8}.${i & 255}`, 'unknown');
    await window.close();
    const summaries = (await rejections(server)).slice(before);
    expect(summaries).toHaveLength(257);
    expect(summaries.filter(({ data }) => data['source'] === undefined).map(({ data }) => data['unknown'])).toEqual([
      44,
    ]);
  });
});

describe('a key without a scope', () => {
  it('is refused with 403 naming the scope and the rule, and the denials are one event in the tenant’s ledger', async () => {
    const server = await wholeServer();
    const key = newApiKey();
    await server.keys.insertOne(recordOf(key, { scopes: ['audit:read#tenant/default', 'jobs:read#tenant/other'] }));
    for (let i = 0; i < 3; i += 1) {
      const answer = await request(server.app.getHttpServer()).get('/api/v1/jobs').set('X-API-Key', key).expect(403);
      expect(answer.body).toMatchObject({ code: 'access_denied' });
      const { detail } = answer.body as { detail: string };
      expect(detail).toContain('jobs:read#tenant/default');
      expect(detail).toContain('scope_required');
    }
    await server.app.get(SecurityWindow).close();
    expect(server.lines.filter(({ action }) => action === 'auth.summary_delayed')).toEqual([]);
    const denied = (await server.events('default')).filter(({ kind }) => kind === 'access.denied');
    expect(denied).toEqual([
      expect.objectContaining({
        data: expect.objectContaining({ permission: 'jobs:read', rule: 'scope_required', count: 3 }),
      }),
    ]);
    expect(server.lines.filter(({ action }) => action === 'security.event')).toHaveLength(3);
    await server.stop();
  });
});

describe('a later start', () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await tempFolder();
    await (await wholeServer({ dataDir })).stop();
  });
  afterEach(() => rm(dataDir, { recursive: true }));
  const file = () => join(dataDir, 'operator.key');

  it('uses the key that is there and closes its file to others again', async () => {
    const key = await operatorKey(dataDir);
    await chmod(file(), 0o644);
    const server = await wholeServer({ dataDir });
    expect(await operatorKey(dataDir)).toBe(key);
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    await me(server).set('X-API-Key', key).expect(200);
    expect(
      (await kindsOf(server)).filter((kind) => kind === 'tenant.created' || kind === 'api_key.created'),
    ).toHaveLength(2);
    await server.stop();
  });

  it('makes another key when the file is lost, and revokes the lost one', async () => {
    const lost = await operatorKey(dataDir);
    await rm(file());
    const server = await wholeServer({ dataDir });
    const key = await operatorKey(dataDir);
    expect(key).not.toBe(lost);
    await me(server).set('X-API-Key', key).expect(200);
    await me(server).set('X-API-Key', lost).expect(401);
    expect(await kindsOf(server)).toContain('api_key.revoked');
    await server.stop();
  });

  it('makes the record from the file when the database does not know the key', async () => {
    const key = newApiKey();
    await writeFile(file(), `${key}\n`);
    const server = await wholeServer({ dataDir });
    expect(await operatorKey(dataDir)).toBe(key);
    await me(server).set('X-API-Key', key).expect(200);
    await server.stop();
  });

  it.each([
    ['something else', () => 'not a key\n'],
    ['the id with another secret', (key: string) => `assay_${keyIdOf(key)}_${newApiKey().slice(-43)}\n`],
  ])('refuses to start when the file holds %s, and does not overwrite it', async (_what, content) => {
    const text = content(await operatorKey(dataDir));
    await writeFile(file(), text);
    await expect(wholeServer({ dataDir })).rejects.toMatchObject({ code: 'IDENTITY.KEY_FILE_UNUSABLE' });
    expect(await readFile(file(), 'utf8')).toBe(text);
  });
});
