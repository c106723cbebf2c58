import { request } from 'node:http';
import { fixtureCnn, fixtureImages, type RunningServer } from '#libs/testing';
import {
  Api,
  startedServer,
  Store,
  storedKeys,
  twoInputModel,
  unknownOperatorModel,
  until,
  type Part,
} from './jobs.fixture.js';

const model = fixtureCnn();
const file: Part = ['model', model, 'net.onnx'];
const LIMITS = {
  ASSAY_MAX_MODEL_BYTES: String(300_000),
  ASSAY_MAX_REF_IMAGES: '3',
  ASSAY_MAX_REF_IMAGE_BYTES: '40000',
};

let server: RunningServer;
let api: Api;
let store: Store;
let images: Buffer[];
let user = 0;

/** No worker: a job stays queued for as long as the test wants. */
beforeAll(async () => {
  images = await fixtureImages(2);
  server = await startedServer({ ASSAY_ROLES: 'api,ledger', ...LIMITS });
  api = Api.of(server);
  store = await Store.of(server);
});

afterAll(async () => {
  await store.close();
  await server.remove();
});

const fields = (): Part[] => [
  ['platform', '520'],
  ['user_id', `user-${(user += 1)}`],
];

/** Nothing of a refused submission may stay: neither objects nor the mark that finds them. */
async function leftBehind(act: () => Promise<unknown>): Promise<string[]> {
  const before = new Set(await storedKeys(server));
  await act();
  await until(async () => (await store.db.collection('uploads').countDocuments()) === 0);
  return (await storedKeys(server)).filter((key) => !before.has(key));
}

describe('POST /jobs', () => {
  it('answers 202 with the resource, where it is and when to look again', async () => {
    const answer = await api.submit([...fields(), file, ['ref_images[]', images[0]!, 'a.png'], ['labels', 'x']]);
    const job = (await answer.json()) as { id: string; model: { bytes: number } };
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(`/api/v1/jobs/${job.id}`);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(job).toMatchObject({
      status: 'queued',
      platform: '520',
      labels: ['x'],
      ref_images: { count: 1 },
      error: null,
    });
    expect(job.model.bytes).toBe(model.length);
    await expect(api.json(`/jobs/${job.id}`)).resolves.toEqual(job);
    await expect(store.kindsOf(job.id)).resolves.toEqual(['upload.received', 'job.created', 'task.created']);
  });

  it('takes the parts in any order', async () => {
    const parts: Part[] = [
      ['ref_images', images[0]!, 'a.png'],
      file,
      ...fields(),
      ['ref_images[]', images[1]!, 'b.png'],
    ];
    await expect(api.submitted(parts)).resolves.toMatchObject({ status: 'queued', ref_images: { count: 2 } });
  });

  it('accepts a job without reference images and warns', async () => {
    const job = await api.submitted([...fields(), file]);
    expect(job.warnings.map(({ code }) => code)).toContain('no_reference_images');
  });

  it('keeps persons and file names out of the ledger', async () => {
    const secret = 'jane.doe@example.org';
    const job = await api.submitted([file, ['platform', '520'], ['user_id', secret], ['client_reference', 'PO Doe 7']]);
    const said = JSON.stringify((await store.events()).filter(({ refs }) => refs?.job_id === job.id));
    expect(said).toContain('job.created');
    expect(said).not.toMatch(/jane|doe|net\.onnx/i);
  });

  describe('when one user sends several at once', () => {
    it('lets exactly one in and answers the others 409', async () => {
      const parts = [...fields(), file];
      const answers = await Promise.all(Array.from({ length: 5 }, () => api.submit(parts)));
      expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409, 409]);
      const refused = answers.find(({ status }) => status === 409)!;
      await expect(refused.json()).resolves.toMatchObject({ code: 'user_has_active_job' });
      expect((await leftBehind(() => api.submit(parts))).length).toBe(0);
    });

    it('lets the next one in once the first is canceled', async () => {
      const parts = [...fields(), file];
      const { id } = await api.submitted(parts);
      expect((await api.call(`/jobs/${id}/cancel`, { method: 'POST' })).status).toBe(202);
      await expect(api.ended(id)).resolves.toMatchObject({ status: 'canceled' });
      await expect(api.submitted(parts)).resolves.toMatchObject({ status: 'queued' });
    });
  });

  describe('when the input cannot be accepted', () => {
    const image = (bytes: number): Part => ['ref_images[]', Buffer.alloc(bytes, 1), 'a.png'];
    const cases: [what: string, parts: () => Part[], problem: object][] = [
      [
        'a model over the limit',
        () => [['model', Buffer.alloc(300_001), 'a.onnx'], ...fields()],
        { status: 413, code: 'file_too_large', errors: [{ pointer: '/model' }] },
      ],
      [
        'a model far over the limit',
        () => [['model', Buffer.alloc(9_000_000), 'a.onnx'], ...fields()],
        { status: 413, code: 'file_too_large', errors: [{ pointer: '/model' }] },
      ],
      [
        'the second image over the limit',
        () => [...fields(), file, image(1), image(40_001)],
        { status: 413, code: 'file_too_large', errors: [{ pointer: '/ref_images/1' }] },
      ],
      [
        'an image too many',
        () => [...fields(), file, image(1), image(1), image(1), image(1)],
        { status: 413, code: 'too_many_files', errors: [{ pointer: '/ref_images/3' }] },
      ],
      [
        'an empty image',
        () => [...fields(), file, image(0)],
        { status: 422, errors: [{ pointer: '/ref_images/0', code: 'empty_file' }] },
      ],
      ['no model', () => fields(), { status: 422, errors: [{ pointer: '/model', code: 'required' }] }],
      [
        'two models',
        () => [...fields(), file, file],
        { status: 422, errors: [{ pointer: '/model', code: 'repeated' }] },
      ],
      [
        'a zip',
        () => [...fields(), ['model', model, 'net.zip']],
        { status: 422, errors: [{ pointer: '/model', code: 'external_data_not_supported' }] },
      ],
      [
        'another kind of file',
        () => [...fields(), ['model', model, 'net.pt']],
        { status: 422, errors: [{ pointer: '/model', code: 'not_onnx' }] },
      ],
      [
        'a file nobody asked for',
        () => [...fields(), file, ['weights', Buffer.alloc(3), 'w.bin']],
        { status: 422, errors: [{ pointer: '/weights', code: 'unknown_file' }] },
      ],
      [
        'an unknown platform',
        () => [['platform', '999'], ['user_id', 'u'], file],
        { status: 422, code: 'invalid_input', errors: [{ pointer: '/platform' }] },
      ],
      [
        'an unknown field',
        () => [...fields(), file, ['colour', 'red']],
        { status: 422, errors: [{ pointer: '/colour', code: 'unknown_field' }] },
      ],
      [
        'an operator nobody knows',
        () => [...fields(), ['model', unknownOperatorModel(), 'odd.onnx']],
        { status: 422, code: 'model_refused', errors: [{ pointer: '/model', code: expect.any(String) }] },
      ],
      [
        'a picture for a model',
        () => [...fields(), ['model', images[0]!, 'picture.onnx']],
        { status: 422, code: 'model_refused' },
      ],
      [
        'images for several inputs that do not say which',
        () => [...fields(), ['model', twoInputModel(), 'two.onnx'], image(10), image(10)],
        { status: 422, errors: [{ pointer: '/ref_images/0', code: 'input_required' }, { pointer: '/ref_images/1' }] },
      ],
      [
        'an image for an input the model does not have',
        () => [...fields(), file, ['ref_images[nose]', images[0]!, 'a.png']],
        { status: 422, errors: [{ pointer: '/ref_images/0', code: 'input_mismatch' }] },
      ],
    ];

    it.each(cases)('refuses %s, says where, and leaves nothing behind', async (_what, parts, problem) => {
      const left = await leftBehind(async () => expect(await api.refused(parts())).toMatchObject(problem));
      expect(left).toEqual([]);
    });

    it('names node and operator in what pre-flight refuses', async () => {
      const { errors } = await api.refused([...fields(), ['model', unknownOperatorModel(), 'odd.onnx']]);
      expect(errors!.map(({ detail }) => detail).join()).toMatch(/odd_one.*Frobnicate|Frobnicate.*odd_one/);
    });

    it('answers 415 for a body that is not multipart', async () => {
      const answer = await api.call('/jobs', {
        method: 'POST',
        body: '{}',
        headers: { 'content-type': 'application/json' },
      });
      expect(answer.status).toBe(415);
    });
  });

  it('takes images that name their inputs', async () => {
    const parts: Part[] = [
      ...fields(),
      ['ref_images[left]', images[0]!, 'l.png'],
      ['ref_images[right]', images[1]!, 'r.png'],
      ['model', twoInputModel(), 'two.onnx'],
    ];
    await expect(api.submitted(parts)).resolves.toMatchObject({ ref_images: { count: 2 } });
  });

  describe('when the connection breaks off inside the model', () => {
    it('leaves nothing behind', async () => {
      const left = await leftBehind(() => brokenOff(server));
      expect(left).toEqual([]);
    });
  });
});

/** Sends the head of a model and cuts the connection; resolves when the server has begun to store it. */
async function brokenOff({ url, apiKey }: RunningServer): Promise<void> {
  const head = '--b\r\nContent-Disposition: form-data; name="model"; filename="a.onnx"\r\n\r\n';
  const sent = request(`${url}/api/v1/jobs`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'multipart/form-data; boundary=b',
      'content-length': 1e6,
    },
  });
  sent.on('error', () => undefined);
  sent.write(head + 'x'.repeat(100_000));
  await until(async () => (await store.db.collection('uploads').countDocuments()) === 1);
  sent.destroy();
}
