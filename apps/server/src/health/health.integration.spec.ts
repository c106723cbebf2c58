import request from 'supertest';
import { wholeServer, type WholeServer } from '../identity/server.fixture.js';

describe('health', () => {
  let server: WholeServer;
  const get = (path: string) => request(server.app.getHttpServer()).get(path);

  beforeEach(async () => {
    server = await wholeServer();
  });
  afterEach(() => server.stop());

  it('says service and version, alive, ready and started, to anyone', async () => {
    expect((await get('/_health').expect(200)).body).toEqual({ service: 'assay', version: expect.any(String) });
    expect((await get('/_health/live').expect(200)).body).toEqual({ status: 'ok' });
    const ready = await get('/_health/ready').expect(200);
    expect(ready.body).toMatchObject({
      status: 'ok',
      checks: { database: 'up', object_store: 'up', ledger: 'up', outbox: 'up' },
    });
    expect((await get('/_health/startup').expect(200)).body).toEqual({ status: 'ok' });
  });

  it('is degraded, and still ready, while dead letters wait', async () => {
    await server.store.collection<{ _id: string }>('outbox_dead').insertOne({ _id: 'x' });
    const { body } = await get('/_health/ready').expect(200);
    expect(body).toMatchObject({ status: 'degraded', checks: { outbox: 'degraded' } });
  });

  it('is 503 when a store does not answer, without a word of why', async () => {
    jest.spyOn(server.store, 'ping').mockRejectedValue(new Error('connect ECONNREFUSED db.internal:27017'));
    const answer = await get('/_health/ready').expect(503);
    expect(answer.body).toMatchObject({ status: 'error', checks: { database: 'down', object_store: 'up' } });
    expect(answer.text + JSON.stringify(server.lines)).not.toContain('db.internal');
    await get('/_health/startup').expect(503);
    await get('/_health/live').expect(200);
  });

  it('is 503 when a ledger takes no entries', async () => {
    const ledgers = server.store.collection<{ _id: string; state: string }>('ledgers');
    await ledgers.updateOne({ _id: 'system' }, { $set: { state: 'suspended' } });
    const { body } = await get('/_health/ready').expect(503);
    expect(body).toMatchObject({ status: 'error', checks: { ledger: 'down', database: 'up' } });
  });
});
