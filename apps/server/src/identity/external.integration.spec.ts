import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startEmbeddedMongo } from '#libs/embedded-mongo';
import request from 'supertest';
import { fingerprintOf, keyHash } from './domain/api-key.js';
import { SecurityWindow } from './authentication/security-window.js';
import { tempFolder, wholeServer, type WholeServer } from './server.fixture.js';

/** A server that was told where its database is: an operator's key is made only where its file is named. */
async function withDatabaseElsewhere(env: Record<string, string>, act: (server: WholeServer) => Promise<void>) {
  const elsewhere = await tempFolder();
  const engine = await startEmbeddedMongo({ dataDir: elsewhere });
  try {
    const server = await wholeServer({ env: { ...env, MONGODB_URI: engine.uri } });
    await act(server).finally(() => server.stop());
  } finally {
    await engine.stop();
    await rm(elsewhere, { recursive: true });
  }
}

describe('with no key configured', () => {
  it('every request is 503, and auth.api_key.not_configured is one ERROR and one event per window', async () => {
    await withDatabaseElsewhere({}, async (server) => {
      const http = request(server.app.getHttpServer());
      for (const path of ['/api/v1/me', '/api/v1/jobs', '/api/v1/audit/events']) {
        for (const headers of [{}, { 'X-API-Key': 'any' }]) {
          const answer = await http.get(path).set(headers).expect(503);
          expect(answer.body).toMatchObject({ code: 'api_key_not_configured', retryable: false });
        }
      }
      const told = () => server.lines.filter(({ action }) => action === 'auth.api_key.not_configured');
      expect(told()).toEqual([expect.objectContaining({ level: 'error' })]);
      await server.app.get(SecurityWindow).close();
      const events = (await server.events('system')).filter(({ kind }) => kind === 'auth.api_key.not_configured');
      expect(events.map(({ data }) => data['count'])).toEqual([6]);
      await http.get('/api/v1/me').expect(503);
      expect(told()).toHaveLength(2);
    });
  });
});

describe('with ASSAY_OPERATOR_KEY_FILE', () => {
  it('makes the operator of all processes that name the file, and one that names none leaves it valid', async () => {
    const elsewhere = await tempFolder();
    const engine = await startEmbeddedMongo({ dataDir: elsewhere });
    const file = join(elsewhere, 'operator');
    const dataDir = await tempFolder(); // the signer's mark lies there
    const isOperator = async (env: Record<string, string>): Promise<boolean> => {
      const server = await wholeServer({
        dataDir,
        env: { MONGODB_URI: engine.uri, CONVERTER_API_KEY: 'k'.repeat(32), ...env },
      });
      const key = (await readFile(file, 'utf8')).trim();
      const { status, body } = await request(server.app.getHttpServer()).get('/api/v1/me').set('X-API-Key', key);
      await server.stop();
      return status === 200 && (body as { scopes: string[] }).scopes.includes('admin:*#tenant/default');
    };
    const named = { ASSAY_OPERATOR_KEY_FILE: file };
    expect(await isOperator(named)).toBe(true);
    const made = await readFile(file, 'utf8');
    expect(await isOperator({})).toBe(true);
    expect(await isOperator(named)).toBe(true);
    expect(await readFile(file, 'utf8')).toBe(made);
    await engine.stop();
    await Promise.all([elsewhere, dataDir].map((folder) => rm(folder, { recursive: true })));
  });
});

describe('with CONVERTER_API_KEY', () => {
  const KEY = 'pre-shared-value-of-32-characters';
  const env = { CONVERTER_API_KEY: KEY, CONVERTER_API_KEY_TENANT: 'acme' };

  it('lets that key in as visionA-service of its tenant, without admin rights', async () => {
    await withDatabaseElsewhere(env, async (server) => {
      const me = () => request(server.app.getHttpServer()).get('/api/v1/me');
      const { body } = await me().set('Authorization', `Bearer ${KEY}`).expect(200);
      expect(body).toMatchObject({
        client_id: 'visionA-service',
        tenants: ['acme'],
        credential: { fingerprint: fingerprintOf(keyHash(KEY)) },
      });
      const { scopes } = body as { scopes: string[] };
      expect(scopes).toContain('jobs:write#tenant/acme');
      expect(scopes.join()).not.toContain('admin');
      await me().set('X-API-Key', `${KEY}x`).expect(401);
    });
  });

  it('stores neither the key nor its whole hash, and logs its length', async () => {
    await withDatabaseElsewhere(env, async (server) => {
      await request(server.app.getHttpServer()).get('/api/v1/me').set('X-API-Key', KEY).expect(200);
      const stored = JSON.stringify(await server.store.collection('api_keys').find().toArray());
      const everything = stored + JSON.stringify([server.lines, await server.events('system')]);
      expect(everything).not.toContain(KEY);
      expect(everything).not.toContain(keyHash(KEY).toString('hex'));
      expect(stored).toContain('visionA-service');
      expect(server.lines).toContainEqual(
        expect.objectContaining({ action: 'config.api_key_enabled', api_key_length: KEY.length }),
      );
    });
  });

  it('leaves tenant.created once, over restarts on the same database, and first_used once', async () => {
    const elsewhere = await tempFolder();
    const engine = await startEmbeddedMongo({ dataDir: elsewhere });
    const dataDir = await tempFolder(); // the signer's mark lives there
    for (let start = 0; start < 2; start += 1) {
      const server = await wholeServer({ dataDir, env: { ...env, MONGODB_URI: engine.uri } });
      await request(server.app.getHttpServer()).get('/api/v1/me').set('X-API-Key', KEY).expect(200);
      const kinds = (await server.events('system')).map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'tenant.created' || kind === 'auth.api_key.first_used')).toHaveLength(2);
      await server.stop();
    }
    await engine.stop();
    await Promise.all([elsewhere, dataDir].map((folder) => rm(folder, { recursive: true })));
  });

  it.each<Record<string, string>>([
    { CONVERTER_API_KEY_TENANT: 'Not A Tenant' },
    { CONVERTER_API_KEY_TENANT: 'system' },
    { CONVERTER_API_KEY_CLIENT_ID: 'a b' },
  ])('refuses to start with %j', async (wrong) => {
    await expect(withDatabaseElsewhere({ ...env, ...wrong }, async () => {})).rejects.toMatchObject({
      code: 'IDENTITY.SETTING_INVALID',
    });
  });
});
