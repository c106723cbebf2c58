import { request } from 'node:http';
import { fixtureCnn, type RunningServer } from '#libs/testing';
import { Api, embeddedServer, startedServer, Store, storedKeys, until } from './jobs.fixture.js';

let server: RunningServer;

afterEach(() => server.remove());

describe('when the server is killed', () => {
  // On a shared database another server may be taking the upload: there its age decides, an hour later.
  it('while a model arrives, the next start removes what was stored of it', async () => {
    server = await embeddedServer({ ASSAY_ROLES: 'api,ledger' });
    const image = Buffer.concat([partHead('ref_images[]', 'a.png'), Buffer.alloc(50_000, 1), Buffer.from('\r\n')]);
    const sent = request(`${server.url}/api/v1/jobs`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.apiKey}`,
        'content-type': 'multipart/form-data; boundary=b',
        'content-length': 1e7,
      },
    });
    sent.on('error', () => undefined);
    sent.write(Buffer.concat([image, partHead('model', 'a.onnx'), Buffer.alloc(200_000, 2)]));
    // The image is whole and stored, the model is on its way.
    await until(async () => (await storedKeys(server)).some((key) => key.includes('refs')));
    await server.kill();
    server = await embeddedServer({ ASSAY_ROLES: 'api,ledger' }, server.dataDir);
    const store = await Store.of(server);
    await expect(store.db.collection('uploads').countDocuments()).resolves.toBe(0);
    await store.close();
    expect(await storedKeys(server)).toEqual([]);
  });

  it('after a job was accepted, the job is there and ends, and its events are there once', async () => {
    server = await startedServer();
    const { id } = await Api.of(server).submitted([
      ['model', fixtureCnn(), 'net.onnx'],
      ['platform', '520'],
      ['user_id', 'u'],
    ]);
    await server.kill();
    server = await startedServer({}, server.dataDir);
    await expect(Api.of(server).ended(id)).resolves.toMatchObject({
      status: 'completed',
      report: { verdict: 'review' },
    });
    const store = await Store.of(server);
    await until(async () => (await store.kindsOf(id)).includes('job.finished'));
    const kinds = await store.kindsOf(id);
    for (const once of ['upload.received', 'job.created', 'task.created', 'job.finished']) {
      expect(kinds.filter((kind) => kind === once)).toEqual([once]);
    }
    await store.close();
  });
});

function partHead(name: string, fileName: string): Buffer {
  return Buffer.from(`--b\r\nContent-Disposition: form-data; name="${name}"; filename="${fileName}"\r\n\r\n`);
}
