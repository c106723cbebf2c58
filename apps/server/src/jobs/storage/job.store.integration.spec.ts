import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uuidv7 } from '#libs/kernel';
import { applyIndexSteps, MongoStore, type OutboxEvent } from '#libs/mongo';
import type { Job } from '../jobs.types.js';
import { JOBS, JobStore } from './job.store.js';
import { jobsIndexes } from './jobs.indexes.js';

let dataDir: string;
let store: MongoStore;
let jobs: JobStore;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'assay-job-store-'));
  store = await MongoStore.open({ uri: undefined, dataDir });
  await applyIndexSteps(store, jobsIndexes);
  jobs = new JobStore(store);
});

afterAll(async () => {
  await store.close();
  await rm(dataDir, { recursive: true, force: true });
});

const event = (): OutboxEvent => ({ id: uuidv7(), tenant: 't', kind: 'job.created', bytes: Buffer.from('{}') });

function job(user_id: string, more: Partial<Job> = {}): Job {
  const at = new Date();
  return {
    id: uuidv7(),
    tenant: 't',
    status: 'QUEUED',
    platform: '520',
    user_id,
    labels: ['a', 'b'],
    priority: 'normal',
    preprocess: { resize: 'letterbox', normalize: { mean: [0], std: [1] } },
    input_shapes: { 'image.1': [1, 3, 8, 8] },
    model: { key: 'm', bytes: 3, sha256: 'ab', name: 'net.onnx' },
    images: [{ key: 'r', bytes: 4, sha256: 'cd', input: 'x' }],
    warnings: [{ code: 'no_reference_images', message: 'none' }],
    created_at: at,
    updated_at: at,
    ...more,
  };
}

const ended = { status: 'CANCELED', finished_at: new Date() } as const;

async function outboxOf(id: string): Promise<string[]> {
  const found = await store.collection<{ _id: string; outbox: { id: string }[] }>(JOBS).findOne({ _id: id });
  return found!.outbox.map((item) => item.id);
}

describe('JobStore', () => {
  it('gives back what was inserted, to its tenant alone', async () => {
    const queued = job('round-trip', { request_id: 'r1', trace_id: '0af7651916cd43dd8448eb211c80319c' });
    await jobs.insert(queued, [event()]);
    await expect(jobs.find('t', queued.id)).resolves.toEqual(queued);
    await expect(jobs.find('other', queued.id)).resolves.toBeNull();
  });

  it('holds the events of each change in the job itself, in order', async () => {
    const [queued, first, second] = [job('events'), event(), event()];
    await jobs.insert(queued, [first]);
    await jobs.finish('t', queued.id, ended, [second]);
    await expect(outboxOf(queued.id)).resolves.toEqual([first.id, second.id]);
  });

  describe('when a user has an active job', () => {
    it('lets exactly one of many in', async () => {
      const tries = await Promise.allSettled(Array.from({ length: 8 }, () => jobs.insert(job('racer'), [event()])));
      const refused = tries.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
      expect(refused).toHaveLength(7);
      for (const reason of refused) expect(reason).toMatchObject({ code: 'JOBS.USER_HAS_ACTIVE_JOB' });
    });

    it('lets the same user of another tenant in, and the next one after the end', async () => {
      const first = job('one');
      await jobs.insert(first, []);
      await jobs.insert(job('one', { tenant: 'other' }), []);
      await jobs.finish('t', first.id, ended, []);
      await expect(jobs.insert(job('one'), [])).resolves.toBeUndefined();
    });
  });

  it('ends a job once: a second end, and a stage that comes after it, change nothing', async () => {
    const queued = job('twice');
    await jobs.insert(queued, []);
    await jobs.advance('t', queued.id, 'BIE', new Date());
    await expect(jobs.find('t', queued.id)).resolves.toMatchObject({ status: 'BIE' });
    await expect(jobs.finish('t', queued.id, ended, [])).resolves.toBe(true);
    const error = { class: 'internal', code: 'late', stage: 'NEF', message: 'late' } as const;
    await expect(jobs.finish('t', queued.id, { ...ended, status: 'FAILED', error }, [event()])).resolves.toBe(false);
    await jobs.advance('t', queued.id, 'NEF', new Date());
    const found = await jobs.find('t', queued.id);
    expect(found).toMatchObject({ status: 'CANCELED' });
    expect(found).not.toHaveProperty('error');
    await expect(outboxOf(queued.id)).resolves.toEqual([]);
  });
});
