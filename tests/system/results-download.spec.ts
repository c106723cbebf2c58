import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { fixtureCnn, fixtureImages, type RunningServer } from '#libs/testing';
import { Api, embeddedServer, Store, until, wideModel, type JobAnswer, type Part } from './jobs.fixture.js';

/** Made before anything is connected: it keeps the event loop for seconds. */
const wide = wideModel(8_000);

let server: RunningServer;
let api: Api;
let store: Store;
let user = 0;

beforeAll(async () => {
  server = await embeddedServer();
  api = Api.of(server);
  store = await Store.of(server);
});

afterAll(async () => {
  await store.close();
  await server.remove();
});

async function completed(model: Uint8Array, name: string, more: Part[] = []): Promise<JobAnswer> {
  const fields: Part[] = [
    ['platform', '720'],
    ['user_id', `user-${(user += 1)}`],
  ];
  const { id } = await api.submitted([...fields, ['model', model, name], ...more]);
  const job = await api.ended(id);
  expect([job.status, job.error]).toEqual(['completed', null]);
  return job;
}

async function fileOf(job: JobAnswer): Promise<string> {
  const { key } = (await store.db.collection('jobs').findOne({ _id: job.id as never }))!['artifact'] as {
    key: string;
  };
  return join(server.dataDir, 'objects/objects', `${key}@object`);
}

/** Downloads of the job, each by its kinds in order. */
async function outcomes(job: JobAnswer): Promise<string[]> {
  return (await store.kindsOf(job.id)).filter((kind) => kind.startsWith('result.'));
}

/** A caller that takes the head of the answer and then reads nothing. */
async function stalled(job: JobAnswer): Promise<IncomingMessage> {
  const headers = { authorization: `Bearer ${server.apiKey}` };
  const [answer] = (await once(
    get(`${server.url}/api/v1/jobs/${job.id}/result`, { headers, agent: false }),
    'response',
  )) as [IncomingMessage];
  return answer.on('error', () => undefined).pause();
}

describe('GET /jobs/:id/result', () => {
  let job: JobAnswer;

  beforeAll(async () => {
    const images = (await fixtureImages(4)).map((image, index): Part => ['ref_images[]', image, `${index}.png`]);
    job = await completed(fixtureCnn(), 'Größe "x" 1.onnx', images);
  });

  it('gives the artifact with its length, digest and name, and records start and outcome', async () => {
    const answer = await api.call(`/jobs/${job.id}/result`);
    const body = Buffer.from(await answer.arrayBuffer());
    const digest = createHash('sha256').update(body).digest();
    expect(answer.status).toBe(200);
    expect(body.length).toBe(job.result!.bytes);
    expect(digest.toString('hex')).toBe(job.result!.sha256);
    expect(body.subarray(0, 4).toString('latin1')).toBe('PK\u0003\u0004');
    expect(job.result!.file_name).toBe('Größe x 1_kl720.kref.zip');
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-length': String(body.length),
      'content-type': 'application/zip',
      'content-disposition': `attachment; filename="Gr__e x 1_kl720.kref.zip"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20x%201_kl720.kref.zip`,
      etag: `"${digest.toString('hex')}"`,
      'repr-digest': `sha-256=:${digest.toString('base64')}:`,
      'accept-ranges': 'none',
    });
    await until(async () => (await outcomes(job)).length === 2);
    await expect(outcomes(job)).resolves.toEqual(['result.started', 'result.success']);
    await until(async () => (await store.db.collection('downloads').countDocuments()) === 0);
    const success = (await store.events()).find(({ kind }) => kind === 'result.success')!;
    expect(success.data).toMatchObject({
      artifact_sha256: job.result!.sha256,
      file_name_sha256: createHash('sha256').update(job.result!.file_name).digest('hex'),
      size_bytes: body.length,
      sent_bytes: body.length,
      stream_completed: true,
    });
    await until(async () => server.log().includes('"action":"result.success"'));
  });

  it('gives the whole artifact to one who asks for a part', async () => {
    const answer = await api.call(`/jobs/${job.id}/result`, { headers: { range: 'bytes=0-9' } });
    expect(answer.status).toBe(200);
    expect((await answer.arrayBuffer()).byteLength).toBe(job.result!.bytes);
  });

  it('gives headers alone to HEAD, and records no download', async () => {
    const before = (await outcomes(job)).filter((kind) => kind === 'result.started').length;
    const answer = await api.call(`/jobs/${job.id}/result`, { method: 'HEAD' });
    expect(answer.headers.get('content-length')).toBe(String(job.result!.bytes));
    expect((await outcomes(job)).filter((kind) => kind === 'result.started')).toHaveLength(before);
  });

  it('gives the report of the conversion', async () => {
    const report = await api.json<{ schema: string; accuracy: { outputs: unknown[] } }>(`/jobs/${job.id}/report`);
    expect(report.schema).toBe('conversion-report/1');
    expect(report.accuracy.outputs.length).toBeGreaterThan(0);
  });

  describe('when a byte of the stored artifact was changed', () => {
    it('never ends cleanly, and says stream_error', async () => {
      const broken = await completed(fixtureCnn(), 'broken.onnx');
      const path = await fileOf(broken);
      const bytes = await readFile(path);
      bytes[bytes.length - 1_000]! ^= 1;
      await writeFile(path, bytes);
      await expect(api.call(`/jobs/${broken.id}/result`).then((answer) => answer.arrayBuffer())).rejects.toThrow();
      await until(async () => (await outcomes(broken)).length === 2);
      await expect(outcomes(broken)).resolves.toEqual(['result.started', 'result.stream_error']);
    });
  });

  describe('when the stored artifact is gone', () => {
    it('answers 503 storage_unavailable and records storage_failed', async () => {
      const gone = await completed(fixtureCnn(), 'gone.onnx');
      await rm(await fileOf(gone));
      const answer = await api.call(`/jobs/${gone.id}/result`);
      expect(answer.status).toBe(503);
      await expect(answer.json()).resolves.toMatchObject({ code: 'storage_unavailable', retryable: true });
      await expect(outcomes(gone)).resolves.toEqual(['result.storage_failed']);
    });
  });

  describe('when the job is not completed', () => {
    it('answers 409 and records it once, however often it is asked', async () => {
      const { id } = await api.submitted([
        ['model', fixtureCnn(), 'a.onnx'],
        ['platform', '520'],
        ['user_id', 'soon'],
      ]);
      await api.call(`/jobs/${id}/cancel`, { method: 'POST' });
      const canceled = await api.ended(id);
      for (let round = 0; round < 3; round += 1) {
        const answer = await api.call(`/jobs/${id}/result`);
        expect(answer.status).toBe(409);
        await expect(answer.json()).resolves.toMatchObject({ code: 'job_not_completed' });
      }
      await expect(outcomes(canceled)).resolves.toEqual(['result.not_available']);
    });
  });

  describe('when the artifact is larger than what the network holds', () => {
    let large: JobAnswer;

    beforeAll(async () => {
      large = await completed(wide, 'large.onnx');
      expect(large.result!.bytes).toBeGreaterThan(20_000_000);
    });

    it('records client_closed for a caller who leaves', async () => {
      const answer = await stalled(large);
      await until(async () => (await outcomes(large)).includes('result.started'));
      answer.destroy();
      await until(async () => (await outcomes(large)).length === 2);
      await expect(outcomes(large)).resolves.toEqual(['result.started', 'result.client_closed']);
      await until(async () => server.log().includes('"action":"result.client_closed"'));
    });

    it('records unknown for a download that a crash ended', async () => {
      await stalled(large);
      await until(async () => (await outcomes(large)).length === 3);
      await store.close();
      await server.kill();
      server = await embeddedServer({}, server.dataDir);
      api = Api.of(server);
      store = await Store.of(server);
      await until(async () => (await outcomes(large)).length === 4);
      expect((await outcomes(large)).slice(2)).toEqual(['result.started', 'result.unknown']);
      await expect(store.db.collection('downloads').countDocuments()).resolves.toBe(0);
    });
  });
});
