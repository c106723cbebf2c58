import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fixtureCnn, type RunningServer } from '#libs/testing';
import { Api, startedServer, Store, until, type JobAnswer } from './jobs.fixture.js';

/** Of infrastructure/dev/archive-stand-in.mjs, what is used here. */
interface StandIn {
  url: string;
  tokenUrl: string;
  received: { name: string; bytes: number; sha256: string; repeated: boolean }[];
  requests: { puts: number; tokens: number };
  failNextPuts(count: number, status?: number): void;
  failNextTokens(count: number, status?: number): void;
  close(): Promise<void>;
}

interface PromotionAnswer {
  id: string;
  job_id: string;
  state: string;
  targets: { name: string; state: string; sha256: string; archive_name: string; error_name: string | null }[];
}

/** Before the archive: passes every request on; while `withheld`, the archive's answer goes no further. */
class Gate {
  withheld = false;
  private readonly server: Server;

  constructor(private readonly target: () => string) {
    this.server = createServer((incoming, outgoing) => void this.passed(incoming, outgoing));
  }

  async open(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async passed(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const url = new URL(incoming.url!, this.target());
    const onward = request(url, { method: incoming.method!, headers: { ...incoming.headers, host: url.host } });
    incoming.pipe(onward);
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    if (!this.withheld) answer.pipe(outgoing.writeHead(answer.statusCode!, answer.headers));
  }
}

const SECRET = 'a secret that must not be shown';

let folder: string;
let archive: StandIn;
let gate: Gate;
let gateUrl: string;
let server: RunningServer;
let api: Api;
let store: Store;
let user = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-archive-'));
  const path = resolve(__dirname, '../../infrastructure/dev/archive-stand-in.mjs');
  const { startArchiveStandIn } = (await import(path)) as {
    startArchiveStandIn: (options: object) => Promise<StandIn>;
  };
  archive = await startArchiveStandIn({ folder, clientId: 'assay', clientSecret: SECRET });
  gate = new Gate(() => archive.url);
  gateUrl = await gate.open();
  await started();
});

afterAll(async () => {
  await store.close();
  await server.remove();
  gate.close();
  await archive.close();
  await rm(folder, { recursive: true, force: true });
});

async function started(dataDir?: string): Promise<void> {
  const env = {
    FAA_URL: gateUrl,
    FAA_TOKEN_URL: archive.tokenUrl,
    FAA_CLIENT_ID: 'assay',
    FAA_CLIENT_SECRET: SECRET,
    FAA_TIMEOUT_MS: '20000',
  };
  server = await startedServer(env, dataDir);
  api = Api.of(server);
  store = await Store.of(server);
}

async function completed(): Promise<JobAnswer> {
  const { id } = await api.submitted([
    ['model', fixtureCnn(), 'Größe.onnx'],
    ['platform', '520'],
    ['user_id', `user-${(user += 1)}`],
  ]);
  const job = await api.ended(id);
  expect(job.status).toBe('completed');
  return job;
}

const promote = (id: string, body?: object) =>
  api.call(`/jobs/${id}/promote`, {
    method: 'POST',
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });

async function promoted(id: string, body?: object): Promise<PromotionAnswer> {
  const answer = await promote(id, body);
  expect(answer.status).toBe(200);
  return (await answer.json()) as PromotionAnswer;
}

/** What the log says under this action. */
function lines(action: string): Record<string, unknown>[] {
  const all = server
    .log()
    .split('\n')
    .filter((line) => line.startsWith('{'));
  return all.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line['action'] === action);
}

/** Promotion events of the job. */
async function outcomes(id: string): Promise<string[]> {
  return (await store.kindsOf(id)).filter((kind) => kind.startsWith('promote.'));
}

describe('POST /jobs/:id/promote', () => {
  it('puts artifact and report into the archive, and again is no second put', async () => {
    const job = await completed();
    const promotion = await promoted(job.id);
    expect(promotion).toMatchObject({
      job_id: job.id,
      state: 'success',
      targets: [
        {
          name: 'result',
          state: 'success',
          sha256: job.result!.sha256,
          archive_name: `default/${job.id}/Gr__e_kl520.kref.zip`,
        },
        { name: 'report', state: 'success' },
      ],
    });
    for (const { archive_name, sha256 } of promotion.targets) {
      const bytes = await readFile(join(folder, archive_name));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
    }
    const { puts } = archive.requests;
    await expect(promoted(job.id)).resolves.toEqual(promotion);
    expect(archive.requests.puts).toBe(puts);
    await expect(outcomes(job.id)).resolves.toEqual([
      'promote.requested',
      'promote.success',
      'promote.success',
      'promote.idempotent_hit',
    ]);
    await expect(api.json(`/jobs/${job.id}/promotion`)).resolves.toEqual(promotion);
  });

  it('gets one token for all, recorded in the system ledger without the token', async () => {
    const { tokens } = archive.requests;
    expect(tokens).toBe(1);
    const obtained = (await store.events('system')).filter(({ kind }) => kind === 'oauth.token_obtained');
    expect(obtained).toMatchObject([{ data: { access_token_length: expect.any(Number), expires_in_sec: 300 } }]);
    expect(server.log()).toContain('"action":"oauth.token_obtained"');
    expect(server.log()).not.toContain(SECRET);
  });

  it('puts only the targets it is asked for, and the others when asked later', async () => {
    const { id } = await completed();
    const first = await promoted(id, { targets: ['report'] });
    expect(first.targets.map(({ name }) => name)).toEqual(['report']);
    const both = await promoted(id);
    expect(both.targets.map(({ name, state }) => [name, state])).toEqual([
      ['result', 'success'],
      ['report', 'success'],
    ]);
    expect((await outcomes(id)).filter((kind) => kind === 'promote.success')).toHaveLength(2);
  });

  it.each([{ targets: [] }, { targets: ['weights'] }, { targets: 'result' }, { target: 'result' }])(
    'answers 422 to %j',
    async (body) => {
      const { id } = await api.submitted([
        ['model', fixtureCnn(), 'a.onnx'],
        ['platform', '520'],
        ['user_id', `user-${(user += 1)}`],
      ]);
      expect((await promote(id, body)).status).toBe(422);
      await api.call(`/jobs/${id}/cancel`, { method: 'POST' });
    },
  );

  describe('when the job is not completed', () => {
    it('answers 409 and records not_ready', async () => {
      const { id } = await api.submitted([
        ['model', fixtureCnn(), 'a.onnx'],
        ['platform', '520'],
        ['user_id', `user-${(user += 1)}`],
      ]);
      await api.call(`/jobs/${id}/cancel`, { method: 'POST' });
      await api.ended(id);
      const answer = await promote(id);
      expect(answer.status).toBe(409);
      await expect(answer.json()).resolves.toMatchObject({ code: 'promotion_not_ready' });
      await expect(outcomes(id)).resolves.toEqual(['promote.not_ready']);
    });
  });

  describe('when the archive refuses one of the files', () => {
    it('says which error it was, keeps what went well, and mends it on the next call', async () => {
      const { id } = await completed();
      archive.failNextPuts(1, 422);
      const answer = await promote(id);
      expect(answer.status).toBe(502);
      await expect(answer.json()).resolves.toMatchObject({ code: 'faa_rejected', retryable: false });
      await expect(api.json(`/jobs/${id}/promotion`)).resolves.toMatchObject({
        state: 'failed',
        targets: [
          { name: 'result', state: 'failed', error_name: 'FAARejectedError' },
          { name: 'report', state: 'success', error_name: null },
        ],
      });
      await expect(outcomes(id)).resolves.toEqual(['promote.requested', 'promote.faa_put_failed', 'promote.success']);
      await until(async () => lines('promote.faa_put_failed').length === 1);
      expect(lines('promote.faa_put_failed')).toMatchObject([
        {
          error_name: 'FAARejectedError',
          error_code: 'faa_rejected',
          job_id: id,
          target_count: 2,
          user_id: expect.any(String),
        },
      ]);
      await expect(promoted(id)).resolves.toMatchObject({ state: 'success' });
    });
  });

  describe('when the server is killed between the put and its record', () => {
    it('stays pending, and the next call finds the file there and succeeds', async () => {
      const { id } = await completed();
      gate.withheld = true;
      const cut = promote(id, { targets: ['result'] }).catch(() => undefined);
      await until(async () => archive.received.some(({ name }) => name.includes(id)));
      await store.close();
      await server.kill();
      await cut;
      gate.withheld = false;
      await started(server.dataDir);
      await expect(api.json(`/jobs/${id}/promotion`)).resolves.toMatchObject({ state: 'pending' });
      await expect(promoted(id, { targets: ['result'] })).resolves.toMatchObject({ state: 'success' });
      const success = (await store.events()).filter(
        ({ kind, refs }) => kind === 'promote.success' && refs.job_id === id,
      );
      expect(success).toMatchObject([{ data: { already_there: true } }]);
      expect(archive.received.filter(({ name }) => name.includes(id)).map(({ repeated }) => repeated)).toEqual([
        false,
        true,
      ]);
    });
  });
});

describe('without an archive', () => {
  it('answers 503 promotion_not_configured', async () => {
    const { id } = await completed();
    await store.close();
    await server.stop();
    server = await startedServer({}, server.dataDir);
    api = Api.of(server);
    store = await Store.of(server);
    const answer = await promote(id);
    expect(answer.status).toBe(503);
    await expect(answer.json()).resolves.toMatchObject({
      code: 'promotion_not_configured',
      retryable: false,
      detail: expect.stringContaining('FAA_URL, FAA_TOKEN_URL, FAA_CLIENT_ID, FAA_CLIENT_SECRET'),
    });
  });
});
