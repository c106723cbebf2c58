import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mongoose from 'mongoose';
import { startServer, type RunningServer } from '#libs/testing';
import { writeLongLedger } from '../../apps/server/src/audit/long-ledger.fixture.js';
import { get, until } from './server.fixture.js';

const ENTRIES = 24_000;

interface Shown {
  id: string;
  state: string;
  passed: boolean | null;
  progress: { done: number; total: number | null };
  report?: { tier: string; resumed_at: number[]; entries: { found: number }; unsealed: { from: number } | null };
}

interface StoredRun {
  _id: string;
  token: number;
  saved?: { text: string };
}

/** A ledger long enough that its verification can be interrupted, over HTTP, as a caller sees it. */
describe('a long verification', () => {
  let server: RunningServer;
  const env = { AUDIT_VERIFY_THREADS: '1', METRICS_ENABLED: 'true' };

  beforeAll(async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'assay-test-'));
    await writeLongLedger({ dataDir, tenant: 'default', entries: ENTRIES });
    server = await startServer({ dataDir, env, embedded: true });
  });
  afterAll(() => server.remove());

  const started = async (body: object = {}): Promise<Shown> => {
    const answer = await fetch(`${server.url}/api/v1/audit/verifications`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(202);
    const shown = (await answer.json()) as Shown;
    expect(answer.headers.get('location')).toBe(`/api/v1/audit/verifications/${shown.id}`);
    return shown;
  };
  const shown = async (id: string): Promise<Shown> =>
    (await (await get(server, `/audit/verifications/${id}`)).json()) as Shown;
  const isRunning = async (id: string): Promise<boolean> => (await shown(id)).state === 'running';
  const ended = async (id: string): Promise<Shown> => {
    await until(async () => !['queued', 'running'].includes((await shown(id)).state));
    return shown(id);
  };

  const follow = async (id: string, last?: number): Promise<Response> =>
    get(server, `/audit/verifications/${id}/events`, last === undefined ? {} : { 'last-event-id': String(last) });

  it('leaves the server free, is told by events, and ends with a report', async () => {
    const { id } = await started();
    const events = follow(id).then((stream) => stream.text());
    await until(() => isRunning(id));
    let rounds = 0;
    for (; await isRunning(id); rounds++) {
      expect((await fetch(`${server.url}/_health/live`)).status).toBe(200);
      // Its own filter each time: an event is appended before the answer.
      expect((await get(server, `/audit/events?limit=1&job_id=during-${rounds}`)).status).toBe(200);
    }
    expect(rounds).toBeGreaterThan(1);
    const { state, passed, report } = await shown(id);
    expect({ state, passed, tier: report?.tier }).toEqual({ state: 'done', passed: true, tier: 'consistent' });
    expect(report!.entries.found).toBeGreaterThanOrEqual(ENTRIES);
    const text = await get(server, `/audit/verifications/${id}?format=text`);
    expect(text.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(await text.text()).toContain('consistent');
    const metrics = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${server.apiKey}` } });
    expect(await metrics.text()).toContain('assay_ledger_verifications_total{tier="consistent"} 1');

    const whole = await events;
    const ids = [...whole.matchAll(/^id: (\d+)$/gm)].map(([, rev]) => Number(rev));
    expect(ids.length).toBeGreaterThan(1);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(whole).toMatch(/event: done\ndata: \{.*"state":"done".*\}\n\n$/);
    const rest = await (await follow(id, ids.at(-2))).text();
    expect(rest.match(/^id: /gm)).toHaveLength(1);
    expect(rest).toContain('event: done');
    expect((await follow(id, ids.at(-1))).status).toBe(204);
  });

  it('is canceled while it runs', async () => {
    const { id } = await started();
    await until(() => isRunning(id));
    const answer = await fetch(`${server.url}/api/v1/audit/verifications/${id}/cancel`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.apiKey}` },
    });
    expect(answer.status).toBe(202);
    expect(await ended(id)).toMatchObject({ state: 'canceled', passed: null });
  });

  it.each([
    ['killed', () => server.kill()],
    ['asked to leave', () => server.stop()],
  ])('goes on where it was when its process is %s', async (_how, end) => {
    const { id } = await started();
    const saved = await savedRun(id);
    await end();
    server = await startServer({ dataDir: server.dataDir, env, embedded: true });
    const { state, report } = await ended(id);
    expect({ state, tier: report?.tier }).toEqual({ state: 'done', tier: 'consistent' });
    expect(report!.resumed_at).toHaveLength(1);
    expect(report!.resumed_at[0]).toBeGreaterThanOrEqual(saved);
    expect(report!.entries.found).toBeGreaterThanOrEqual(ENTRIES);
  });

  /** Waits until the run is saved with entries behind it, and tells how many. */
  async function savedRun(id: string): Promise<number> {
    const client = await mongoose.mongo.MongoClient.connect(server.mongoUri);
    try {
      const runs = client.db().collection<StoredRun>('ledger_verifications');
      let next = 0;
      await until(async () => {
        const text = (await runs.findOne({ _id: id }))?.saved?.text;
        next = text === undefined ? 0 : (JSON.parse(text) as { reading: { next: number } }).reading.next;
        return next > 0;
      });
      return next;
    } finally {
      await client.close();
    }
  }
});
