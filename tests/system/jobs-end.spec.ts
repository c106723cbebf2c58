import { fixtureCnn, type RunningServer } from '#libs/testing';
import { Api, startedServer, Store, until, type Part } from './jobs.fixture.js';

let server: RunningServer;
let api: Api;

beforeAll(async () => {
  server = await startedServer({ ASSAY_REQUIRE_REF_IMAGES: 'true' });
  api = Api.of(server);
});

afterAll(() => server.remove());

const parts: Part[] = [
  ['model', fixtureCnn(), 'net.onnx'],
  ['platform', '520'],
  ['user_id', 'u'],
];

describe('when reference images are required', () => {
  it('refuses a job without', async () => {
    await expect(api.refused(parts)).resolves.toMatchObject({
      status: 422,
      errors: [{ pointer: '/ref_images', code: 'required' }],
    });
  });
});

describe('when the conversion fails', () => {
  it('ends the job as failed with the root cause, frees the user, and has nothing to fetch', async () => {
    const broken: Part = ['ref_images[]', Buffer.from('this is no picture'), 'a.png'];
    const { id } = await api.submitted([...parts, broken]);
    const job = await api.ended(id);
    expect(job).toMatchObject({ status: 'failed', error: { class: 'user', code: 'image_rejected' }, result: null });
    const store = await Store.of(server);
    await until(async () => (await store.kindsOf(id)).includes('job.failed'));
    const [failed] = (await store.events()).filter(({ kind }) => kind === 'job.failed');
    expect(failed!.data).toMatchObject({ error_class: 'user', error_code: 'image_rejected' });
    await store.close();
    expect((await api.call(`/jobs/${id}/result`)).status).toBe(409);
    expect((await api.call(`/jobs/${id}/report`)).status).toBe(409);
    expect((await api.call(`/jobs/${id}/cancel`, { method: 'POST' })).status).toBe(409);
    expect((await api.submit([...parts, broken])).status).toBe(202);
  });
});
