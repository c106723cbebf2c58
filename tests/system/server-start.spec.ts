import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endedServer, startServer, type RunningServer } from '#libs/testing';
import { get, ledgerOf, modesIn, until } from './server.fixture.js';

/** With MONGODB_URI set, the tests of the embedded engine's own files tell what must not be there instead. */
const EMBEDDED = !process.env['MONGODB_URI'];

let root: string;
let dataDir: string;
const running: RunningServer[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'assay-test-'));
  dataDir = join(root, 'not', 'there', 'yet');
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
  await rm(root, { recursive: true, force: true });
});

async function start(env: Record<string, string> = {}): Promise<RunningServer> {
  const server = await startServer({ dataDir, env });
  running.push(server);
  return server;
}

const listensOn = ({ url }: RunningServer) => `assay: listening on ${url}/api/v1\n`;

const refused = (env: Record<string, string>) => endedServer({ dataDir, env });

describe('the first start', () => {
  it('makes the folder and its secrets for this user alone, and keeps them at the next start', async () => {
    const first = await start();
    const modes = modesIn(dataDir);
    expect(modes['.']).toBe('700');
    expect(Object.entries(modes).filter(([, mode]) => !['600', '700'].includes(mode))).toEqual([]);
    const secrets = ['keys/note.key', 'keys/cosign.key', 'keys/mac.ring', 'operator.key', 'server.json', 'mongo.lock'];
    expect(Object.keys(modes)).toEqual(expect.arrayContaining(secrets));
    const ofEngine = ['mongo.uri', 'mongo.mdb'];
    expect(ofEngine.filter((name) => name in modes)).toEqual(EMBEDDED ? ofEngine : []);
    const kept = await Promise.all(secrets.slice(0, 3).map((name) => readFile(join(dataDir, name), 'utf8')));
    expect(await first.stop()).toBe(0);

    const second = await start();
    expect(second.apiKey).toBe(first.apiKey);
    expect(await Promise.all(secrets.slice(0, 3).map((name) => readFile(join(dataDir, name), 'utf8')))).toEqual(kept);
    expect((await get(second, '/jobs')).status).toBe(200);
    expect(second.errors()).toBe(listensOn(second));
  });

  it('says where the key is and never what it is, here and in the log', async () => {
    const server = await start({ LOG_LEVEL: 'debug', LOG_SAMPLE_RATE: '1' });
    expect((await get(server, '/jobs')).status).toBe(200);
    expect((await get({ ...server, apiKey: `${server.apiKey.slice(0, -1)}~` }, '/jobs')).status).toBe(401);
    await server.stop();
    const said = `assay: the operator's key was written to ${join(dataDir, 'operator.key')}\n`;
    expect(server.errors()).toBe(`${said}${listensOn(server)}`);
    const told = server.log() + server.errors();
    expect(told).toContain('config.api_key_enabled');
    for (const part of [server.apiKey, server.apiKey.slice(-20)]) expect(told).not.toContain(part);
    for (const name of ['note.key', 'cosign.key']) {
      expect(told).not.toContain((await readFile(join(dataDir, 'keys', name), 'utf8')).trim());
    }
  });
});

describe('a second server on the same data folder', () => {
  it('is refused, naming the folder and the process that has it; the first goes on', async () => {
    const first = await start();
    const second = await refused({});
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/^assay did not start: ASSAY_DATA_DIR: [^\n]+\(EMBEDDED\.LOCKED\)\n$/);
    expect(second.stderr).toContain(dataDir);
    expect(second.stderr).toContain(String(first.pid));
    expect((await get(first, '/jobs')).status).toBe(200);
    expect(JSON.parse(await readFile(join(dataDir, 'server.json'), 'utf8'))).toMatchObject({ pid: first.pid });
    expect(await first.stop()).toBe(0);
  });

  it('takes the folder over when the first was killed, and removes what it left', async () => {
    const env = { TMPDIR: root };
    const first = await start(env);
    await first.kill();
    const left = JSON.parse(await readFile(join(dataDir, 'mongo.lock'), 'utf8')) as {
      pid: number;
      socketFolder: string;
    };
    expect(left.pid).toBe(first.pid);
    const second = await start(env);
    const held = JSON.parse(await readFile(join(dataDir, 'mongo.lock'), 'utf8')) as typeof left;
    expect(held.pid).toBe(second.pid);
    if (left.socketFolder !== '') await expect(stat(left.socketFolder)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(left.socketFolder !== '').toBe(EMBEDDED);
    // Made and swept as the first child is made ready, which may be after the server listens.
    const ofScratch = () => readdir(join(dataDir, 'scratch')).catch(() => [`${first.pid}-`]);
    await until(async () => !(await ofScratch()).some((name) => name.startsWith(`${first.pid}-`)));
    expect((await get(second, '/jobs')).status).toBe(200);
  });
});

describe('a setting that cannot be used', () => {
  const cases = [
    ['OBJECT_STORE_URL', 's3://key:s3cr3tpass@bucket', 'OBJECT_STORE.URL_INVALID'],
    ['AUDIT_SIGNING_KEY', 's3cr3tpass', 'AUDIT.SIGNING_KEY_SHORT'],
    ['MONGODB_URI', 'localhost:27017', 'MONGO.URI_INVALID'],
    ['MONGODB_URI', 'mongodb://user:s3cr3tpass@127.0.0.1:9/assay', 'MONGO.UNREACHABLE'],
  ] as const;
  let folders: string[];
  let ended: ReturnType<typeof endedServer>[];

  // All at once: the driver tries for ten seconds before it gives an address up.
  beforeAll(async () => {
    folders = await Promise.all(cases.map(() => mkdtemp(join(tmpdir(), 'assay-test-'))));
    ended = cases.map(([name, value], index) => endedServer({ dataDir: folders[index]!, env: { [name]: value } }));
  });
  afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

  it.each(cases.map((wrong, index) => [...wrong, index] as const))(
    '%s=%s ends the start with one line, which does not repeat a secret',
    async (name, _value, expected, index) => {
      const { code, stderr, stdout } = await ended[index]!;
      expect(code).toBe(1);
      expect(stderr).toMatch(/^assay did not start: [^\n]+\n$/);
      expect(stderr).toContain(name);
      expect(stderr).toContain(`(${expected})`);
      expect(stderr + stdout).not.toContain('s3cr3tpass');
      const left = Object.keys(modesIn(folders[index]!));
      expect(left.filter((file) => ['server.json', 'mongo.lock', 'mongo.uri'].includes(file))).toEqual([]);
    },
  );
});

describe('a setting that is wrong', () => {
  it('is told with all the others before anything is touched', async () => {
    const wrong = { PORT: 'abc', ASSAY_ROLES: 'api,worcer', ASSAY_WORKERS: '0', ASSAY_DATADIR: '/tmp/x' };
    const { code, stderr } = await refused(wrong);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^assay did not start: [^\n]+\(SETTINGS\.INVALID\)\n$/);
    for (const name of Object.keys(wrong)) expect(stderr).toContain(name);
    expect(stderr).toContain('a whole number from 0 to 65535');
    await expect(stat(dataDir)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('a data folder that cannot be made is named', async () => {
    const file = join(root, 'a-file');
    await writeFile(file, 'here');
    const { code, stderr } = await endedServer({ dataDir: join(file, 'data') });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^assay did not start: ASSAY_DATA_DIR: [^\n]+\n$/);
    expect(stderr).toContain(file);
    expect(await readFile(file, 'utf8')).toBe('here');
  });

  it('a port that is taken is named, and what began is undone', async () => {
    const other = createServer().listen(0);
    await once(other, 'listening');
    const port = String((other.address() as AddressInfo).port);
    const { code, stderr } = await refused({ PORT: port });
    expect(code).toBe(1);
    expect(stderr).toMatch(/assay did not start: PORT: [^\n]*EADDRINUSE[^\n]*\n$/);
    expect(stderr).toContain(port);
    for (const name of ['server.json', 'mongo.lock', 'mongo.uri']) {
      await expect(stat(join(dataDir, name))).rejects.toMatchObject({ code: 'ENOENT' });
    }
    expect(Object.keys(modesIn(join(dataDir, 'scratch')))).toEqual(['.']);
    other.close();
    expect((await get(await start(), '/jobs')).status).toBe(200);
  });

  it('another ASSAY_ORIGIN on a folder that has ledgers is refused, and adds nothing to them', async () => {
    const first = await start({ ASSAY_ORIGIN: 'one.example' });
    const before = await ledgerOf(first);
    expect(await first.stop()).toBe(0);
    const { code, stderr } = await refused({ ASSAY_ORIGIN: 'two.example' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^assay did not start: [^\n]+\(AUDIT\.ORIGIN_CHANGED\)\n$/);
    for (const text of ['ASSAY_ORIGIN', 'one.example', 'two.example']) expect(stderr).toContain(text);
    const again = await start({ ASSAY_ORIGIN: 'one.example' });
    expect((await ledgerOf(again)).slice(0, before.length)).toEqual(before);
    expect(await (await get(again, '/audit/verify')).json()).toMatchObject({ tier: 'consistent', breaks: [] });
  });
});
