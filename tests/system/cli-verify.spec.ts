import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startServer, type RunningServer } from '#libs/testing';
import { until } from './server.fixture.js';

const MAIN = resolve(__dirname, '../../dist/apps/cli/src/main.js');

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** `assay` as its user runs it, beside a server, and then with what it took from it and no server. */
describe('assay', () => {
  let server: RunningServer;
  let scratch: string;
  let vkey: string;
  let folder: string;
  let size: number;

  const assay = (args: string[], env: Record<string, string> = {}): Promise<Ended> =>
    new Promise((ended, failed) => {
      const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env['PATH'], ...env } });
      let [out, err] = ['', ''];
      child.stdout.on('data', (part) => (out += String(part)));
      child.stderr.on('data', (part) => (err += String(part)));
      child.once('error', failed);
      child.once('close', (code) => ended({ code, out, err }));
    });
  const atServer = (...args: string[]): Promise<Ended> =>
    assay(args, { ASSAY_SERVER: server.url, ASSAY_API_KEY: server.apiKey });
  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`${server.url}/api/v1${path}`, {
      headers: { authorization: `Bearer ${server.apiKey}` },
    });
    return (await answer.json()) as T;
  };

  beforeAll(async () => {
    [server, scratch] = await Promise.all([startServer({ embedded: true }), mkdtemp(join(tmpdir(), 'assay-cli-'))]);
    folder = join(scratch, 'ledger');
    await get('/audit/events'); // reading is the first event
    let latest: { size?: number; verifier_key: string } = { verifier_key: '' };
    await until(async () => ((latest = await get('/audit/checkpoints/latest')), (latest.size ?? 0) > 0));
    vkey = latest.verifier_key;
    const exported = await atServer('audit', 'export', folder, '--json');
    expect(exported).toMatchObject({ code: 0, err: '' });
    size = (JSON.parse(exported.out) as { size: number }).size;
  });
  afterAll(async () => {
    await server.remove();
    await rm(scratch, { recursive: true, force: true });
  });

  it('verifies a ledger by its server, over HTTP as a log, and in a folder', async () => {
    const [byServer, log, copy] = await Promise.all([
      atServer('verify', server.url, '--vkey', vkey),
      assay(['verify', `${server.url}/tlog/default`, '--vkey', vkey, '--json'], { ASSAY_TOKEN: server.apiKey }),
      assay(['verify', folder, '--vkey', vkey, '--json']),
    ]);
    expect(byServer).toMatchObject({ code: 0 });
    expect(byServer.out).toContain('consistent (keys pinned)');
    expect(log).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(log.out)).toMatchObject({ tenant: 'default', tier: 'consistent', keys: 'pinned', breaks: [] });
    expect(copy).toMatchObject({ code: 0, err: '' });
  });

  it('ends with 1 and the seq for a byte changed in a copy, 2 without an anchor, 3 for another key, 4 for bad input', async () => {
    const bundle = join(folder, `tile/entries/000.p/${size}`);
    const bytes = await readFile(bundle);
    const other = 'stranger.example+dbfcae42+AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU';
    const [anchor, key, address] = await Promise.all([
      assay(['verify', folder, '--vkey', vkey, '--require-anchor']),
      assay(['verify', folder, '--vkey', other]),
      assay(['verify', 'http://127.0.0.1:1/tlog/default', '--vkey', vkey]),
    ]);
    expect([anchor.code, key.code, address.code]).toEqual([2, 3, 4]);
    bytes[30] = (bytes[30] as number) ^ 1;
    await writeFile(bundle, bytes);
    const broken = await assay(['verify', folder, '--vkey', vkey]);
    expect(broken.code).toBe(1);
    expect(broken.out).toContain('- edited at seq 0');
  });

  it('takes the proof of one event along, and verifies it without the server', async () => {
    const listed = await atServer('audit', 'tail', '--after-seq', '-1', '--no-follow', '--json');
    const first = JSON.parse(listed.out.split('\n')[0] as string) as { seq: number; event: { id: string } };
    const file = join(scratch, 'event.tlog-proof');
    expect(await atServer('audit', 'proof', first.event.id, '--out', file)).toMatchObject({ code: 0, err: '' });
    const proven = await assay(['verify', file, '--vkey', vkey, '--json']);
    expect(JSON.parse(proven.out)).toMatchObject({ index: first.seq, event: { id: first.event.id } });
    const lines = (await readFile(file, 'utf8')).split('\n');
    await writeFile(file, lines.map((line) => line.replace(/^index \d+$/, 'index 999')).join('\n'));
    expect((await assay(['verify', file, '--vkey', vkey])).code).toBe(1);
  });

  it('searches, shows the checkpoint and the keys, and names the request where it is refused', async () => {
    const [found, all, checkpoint, keys, refused] = await Promise.all([
      atServer('audit', 'search', '--kind', 'audit.read', '--limit', '1'),
      atServer('audit', 'search', '--kind', 'key.activated', '--json'),
      atServer('audit', 'checkpoint'),
      atServer('keys', 'list', '--json'),
      assay(['audit', 'checkpoint'], { ASSAY_SERVER: server.url, ASSAY_API_KEY: 'no such key' }),
    ]);
    expect(found.out).toMatch(/^\d+ {2}\S+ {2}audit\.read {2}operator:[0-9a-f]{64}/);
    const seqs = all.out
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { seq: number }).seq);
    expect(new Set(seqs).size).toBe(seqs.length);
    expect(checkpoint.out.split('\n')[0]).toBe('assay.local/ledger/default');
    expect(JSON.parse(keys.out)).toMatchObject({ keys: expect.any(Array) });
    expect(refused.code).toBe(4);
    expect(refused.err).toMatch(/ASSAY_API_KEY.*trace_id [0-9a-f]{32}, request_id /);
  });
});
