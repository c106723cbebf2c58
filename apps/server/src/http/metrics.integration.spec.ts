import request from 'supertest';
import { newApiKey } from '../identity/domain/api-key.js';
import { recordOf, wholeServer, type WholeServer } from '../identity/server.fixture.js';

describe('GET /_metrics and /metrics', () => {
  let server: WholeServer;
  const key = newApiKey();

  const started = async (env: Record<string, string>): Promise<void> => {
    server = await wholeServer({ env });
    await server.keys.insertOne(recordOf(key, { scopes: [`obs:read#tenant/default`] }));
  };
  const scraped = (path: string) => request(server.app.getHttpServer()).get(path).set('Authorization', `Bearer ${key}`);
  afterEach(() => server.stop());

  it.each(['/_metrics', '/metrics'])('%s tells of the process and its ledgers, and of no tenant', async (path) => {
    await started({ METRICS_ENABLED: 'true' });
    await request(server.app.getHttpServer()).get(path).expect(401);
    const { text, headers } = await scraped(path).expect(200);
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).toMatch(/^process_resident_memory_bytes \d+/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_seconds \d/m);
    expect(text).toMatch(/^assay_ledger_verification_age_seconds \d/m);
    expect(text).toMatch(/^assay_ledger_checkpoint_age_seconds \d/m);
    expect(text).toMatch(/^assay_cold_copy_lag_seconds 0$/m);
    expect(text).not.toContain('default');
  });

  it('is not there unless METRICS_ENABLED', async () => {
    await started({});
    await scraped('/_metrics').expect(404);
    await scraped('/metrics').expect(404);
  });
});
