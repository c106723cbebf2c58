import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  formatAddCheckpoint,
  formatCheckpoint,
  noteSigner,
  parseVerifierKey,
  rootOf,
  signNote,
  verifierKeyText,
  verifyNote,
} from '#libs/ledger';
import { knownLogs } from './known-logs.js';
import { witnessKey } from './witness-key.js';
import { witnessServer, type WitnessedRequest } from './witness-server.js';
import { SampleLog, temporaryFolder } from './witness.fixture.js';
import { Witness } from './witness.js';
import { WitnessedLogs } from './witnessed-logs.js';

const LOG = new SampleLog();
const FORK = new SampleLog(LOG.origin, 'other');
const folder = temporaryFolder();

const logsOf = (...logs: SampleLog[]) =>
  knownLogs(Buffer.from(logs.map(({ key }) => `${verifierKeyText(key)}\n`).join('')));

/** A witness over the test's folder; a second one is another process, or the first after a restart. */
async function started(now?: () => number) {
  const key = await witnessKey(join(folder(), 'witness.key'), 'witness.example/w1');
  const logs = logsOf(LOG, new SampleLog('log.example/2'));
  return {
    key,
    witness: new Witness(key, logs, await WitnessedLogs.open(join(folder(), 'data'), logs.keys(), false), now),
  };
}

const flipped = (body: string, line: number): string => {
  const lines = body.split('\n');
  const changed = lines.at(line)!;
  lines.splice(line, 1, `${changed.startsWith('A') ? 'B' : 'A'}${changed.slice(1)}`);
  return lines.join('\n');
};

describe('Witness', () => {
  it('cosigns a first checkpoint and what follows from it, at its own time', async () => {
    const { key, witness } = await started(() => 1_790_000_000_999);
    for (const [from, to] of [
      [0, 3],
      [3, 3],
      [3, 8],
      [8, 300],
    ] as const) {
      const answer = await witness.add(LOG.request(from, to));
      if (answer.status !== 200) throw new Error(`${from} to ${to}: ${answer.why}`);
      const { verified } = verifyNote(LOG.checkpoint(to) + answer.lines, [key.verifierKey]);
      expect(verified).toEqual([{ key: key.verifierKey, time: 1_790_000_000 }]);
    }
  });

  it('keeps origins apart', async () => {
    const { witness } = await started();
    await witness.add(LOG.request(0, 5));
    expect(await witness.add(new SampleLog('log.example/2').request(0, 2))).toMatchObject({ status: 200 });
  });

  it('knows after a restart what it cosigned', async () => {
    await (await started()).witness.add(LOG.request(0, 5));
    const { witness } = await started();
    expect(await witness.add(LOG.request(0, 9))).toMatchObject({ status: 409, size: 5 });
    expect(await witness.add(FORK.request(5, 5))).toMatchObject({ status: 409, size: 5 });
    expect(await witness.add(LOG.request(5, 9))).toMatchObject({ status: 200 });
  });

  it.each([
    [400, 'a body that is none', 'nonsense'],
    [400, 'a checkpoint that is none', 'old 5\n\nno note'],
    [
      400,
      'an old size beyond the checkpoint',
      formatAddCheckpoint({ oldSize: 6, proof: [], checkpoint: LOG.checkpoint(5) }),
    ],
    [404, 'a log nobody knows', new SampleLog('log.example/unknown').request(5, 5)],
    [403, 'a key nobody knows', new SampleLog(LOG.origin, 'true', new Uint8Array(32).fill(2)).request(5, 8)],
    [403, 'a changed root', flipped(LOG.request(5, 8), -4)],
    [409, 'an older size than was cosigned', LOG.request(3, 8)],
    [409, 'a newer size than was cosigned', LOG.request(6, 8)],
    [409, 'another root of the size that was cosigned', FORK.request(5, 5)],
    [422, 'a proof of another history', FORK.request(5, 8)],
    [422, 'a proof with a hash changed', flipped(LOG.request(5, 8), 1)],
    [422, 'no proof', formatAddCheckpoint({ oldSize: 5, proof: [], checkpoint: LOG.checkpoint(8) })],
    [
      422,
      'a proof where none is needed',
      formatAddCheckpoint({ oldSize: 5, proof: LOG.leaves(1), checkpoint: LOG.checkpoint(5) }),
    ],
  ])('answers %d to %s, and has cosigned nothing', async (status, _what, body) => {
    const { witness } = await started();
    await witness.add(LOG.request(0, 5));
    expect(await witness.add(body)).toMatchObject({ status });
    expect(await witness.add(LOG.request(5, 6))).toMatchObject({ status: 200 });
  });

  it('answers 422 to a proof from nothing that is not empty', async () => {
    const { witness } = await started();
    const body = formatAddCheckpoint({ oldSize: 0, proof: LOG.leaves(1), checkpoint: LOG.checkpoint(5) });
    expect(await witness.add(body)).toMatchObject({ status: 422 });
  });

  it('takes a signature of a known key beside those of unknown ones', async () => {
    const { witness } = await started();
    const text = formatCheckpoint({ origin: LOG.origin, size: 2, root: rootOf(LOG.leaves(2)) });
    const stranger = noteSigner(LOG.origin, new Uint8Array(32).fill(9));
    const checkpoint = signNote(text, stranger, noteSigner(LOG.origin, new Uint8Array(32).fill(1)));
    expect(await witness.add(formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint }))).toMatchObject({
      status: 200,
    });
  });

  it('lets one of many requests win, in two witnesses on one folder, and tells the others its size', async () => {
    const witnesses = [(await started()).witness, (await started()).witness];
    for (let from = 0; from < 20;) {
      const rivals = Array.from({ length: 8 }, (_, i) => LOG.request(from, from + 1 + i));
      const answers = await Promise.all(rivals.map((body, i) => witnesses[i % 2]!.add(body)));
      const won = answers.findIndex(({ status }) => status === 200);
      const size = from + 1 + won;
      expect(answers.filter((_, i) => i !== won)).toEqual(
        Array(7).fill(expect.objectContaining({ status: 409, size })),
      );
      from = size;
    }
  });

  it('cosigns one of two histories', async () => {
    const witnesses = [(await started()).witness, (await started()).witness];
    const answers = await Promise.all([LOG, FORK].map((log, i) => witnesses[i]!.add(log.request(0, 5))));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  it('keeps the newest two turns and nothing else', async () => {
    const { witness } = await started();
    for (let size = 1; size < 6; size++) await witness.add(LOG.request(size - 1, size));
    const names = await readdir(join(folder(), 'data', 'logs'), { recursive: true });
    const files = names.filter((name) => name.includes('/')).map((name) => name.slice(65));
    expect(files.sort()).toEqual(['0000000000000004', '0000000000000005']);
  });

  it('cosigns nothing when it cannot read what it cosigned', async () => {
    const { witness } = await started();
    await witness.add(LOG.request(0, 5));
    const root = join(folder(), 'data', 'logs');
    for (const name of await readdir(root)) {
      for (const file of await readdir(join(root, name))) await writeFile(join(root, name, file), 'nonsense');
    }
    await expect(witness.add(LOG.request(0, 5))).rejects.toMatchObject({ code: 'WITNESS.STATE_UNREADABLE' });
    await expect(started()).rejects.toMatchObject({ code: 'WITNESS.STATE_UNREADABLE' });
  });
});

describe('witnessKey', () => {
  const path = () => join(folder(), 'keys', 'witness.key');

  it('makes a key of mode 600 once', async () => {
    const first = await witnessKey(path(), 'witness.example/w1');
    const second = await witnessKey(path(), 'witness.example/w2');
    expect([first.made, second.made]).toEqual([true, false]);
    expect(second.verifierKey).toEqual(first.verifierKey);
    expect(((await stat(path())).mode & 0o777).toString(8)).toBe('600');
    expect(parseVerifierKey(verifierKeyText(first.verifierKey))).toMatchObject({ algorithm: 'cosignature/v1' });
  });

  it.each([
    ['WITNESS.KEY_EXPOSED', () => chmod(path(), 0o640)],
    ['WITNESS.KEY_UNREADABLE', () => writeFile(path(), 'nonsense')],
    ['WITNESS.KEY_UNREADABLE', async () => writeFile(path(), (await readFile(path(), 'utf8')).replace('w1', 'w2'))],
  ])('rejects with %s', async (code, harm) => {
    await witnessKey(path(), 'witness.example/w1');
    await harm();
    await expect(witnessKey(path(), 'w')).rejects.toMatchObject({ code });
  });

  it('rejects with WITNESS.NAME_INVALID and leaves no key', async () => {
    await expect(witnessKey(path(), 'a b')).rejects.toMatchObject({ code: 'WITNESS.NAME_INVALID' });
    await expect(stat(path())).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('WitnessedLogs', () => {
  it('does not begin anew under a key that has cosigned, unless the folder was made by hand', async () => {
    const data = join(folder(), 'data');
    await expect(WitnessedLogs.open(data, [], true)).rejects.toMatchObject({ code: 'WITNESS.STATE_MISSING' });
    await expect(stat(data)).rejects.toMatchObject({ code: 'ENOENT' });
    await mkdir(join(data, 'logs'), { recursive: true });
    await WitnessedLogs.open(data, [], true);
  });
});

describe('knownLogs', () => {
  const OTHER = new SampleLog('log.example/2');
  it('reads verifier keys, many for an origin, one for many origins', () => {
    const second = new SampleLog(LOG.origin, 'true', new Uint8Array(32).fill(2));
    const logs = logsOf(LOG, second, OTHER);
    expect([...logs.keys()]).toEqual([LOG.origin, OTHER.origin]);
    expect(logs.get(LOG.origin)).toEqual([LOG.key, second.key]);
  });

  it('reads a policy', () => {
    const logs = knownLogs(Buffer.from(`log ${verifierKeyText(LOG.key)} https://log.example\nquorum none\n`));
    expect(logs.get(LOG.origin)).toEqual([LOG.key]);
  });

  it.each([
    ['nothing', '# nothing\n'],
    ['a policy without logs', 'quorum none\n'],
    ['a policy without a quorum', `log ${verifierKeyText(LOG.key)}\n`],
    ['no key', 'nonsense\n'],
  ])('rejects %s with WITNESS.LOGS_UNREADABLE', (_what, file) => {
    expect(() => knownLogs(Buffer.from(file))).toThrow(expect.objectContaining({ code: 'WITNESS.LOGS_UNREADABLE' }));
  });

  it("rejects a witness's key", async () => {
    const { verifierKey } = await witnessKey(join(folder(), 'w.key'), 'w');
    expect(() => knownLogs(Buffer.from(verifierKeyText(verifierKey)))).toThrow(
      expect.objectContaining({ code: 'WITNESS.LOGS_UNREADABLE' }),
    );
  });
});

describe('witnessServer', () => {
  let server: Server;
  let lines: WitnessedRequest[];
  beforeEach(async () => {
    lines = [];
    const { witness } = await started();
    server = witnessServer(
      witness,
      (line) => lines.push(line),
      () => undefined,
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const post = async (body: string | Uint8Array, path = '/add-checkpoint') => {
    const { port } = server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: body as string });
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
  };

  it('answers with signature lines, and to a conflict with the size', async () => {
    const cosigned = await post(LOG.request(0, 5));
    expect(cosigned).toMatchObject({
      status: 200,
      text: expect.stringMatching(/^— witness\.example\/w1 [A-Za-z0-9+/=]+\n$/),
    });
    expect(await post(LOG.request(0, 6))).toEqual({ status: 409, type: 'text/x.tlog.size', text: '5\n' });
    expect(lines).toMatchObject([{ status: 200, origin: LOG.origin, size: 5 }, { status: 409 }]);
    expect(lines[1]).not.toHaveProperty('contradicting');
  });

  it('keeps in its log the checkpoint of a log that contradicts itself', async () => {
    await post(LOG.request(0, 5));
    expect(await post(FORK.request(5, 5))).toMatchObject({ status: 409, text: '5\n' });
    expect(await post(FORK.request(5, 8))).toMatchObject({ status: 422 });
    expect(lines.map(({ contradicting }) => contradicting)).toEqual([
      undefined,
      FORK.checkpoint(5),
      FORK.checkpoint(8),
    ]);
  });

  it.each([
    [400, 'text', 'nonsense', '/add-checkpoint'],
    [400, 'bytes that are no text', Uint8Array.of(0xff, 0xfe), '/add-checkpoint'],
    [404, 'another path', 'old 0\n\n', '/'],
    [413, 'more than it reads', 'x'.repeat(70_000), '/add-checkpoint'],
  ])('answers %d to %s', async (status, _what, body, path) => {
    expect(await post(body, path)).toMatchObject({ status });
  });

  it('answers 405 to a GET', async () => {
    const { port } = server.address() as AddressInfo;
    expect((await fetch(`http://127.0.0.1:${port}/add-checkpoint`)).status).toBe(405);
  });

  it('answers 500 and cosigns nothing when its disk fails', async () => {
    await rm(join(folder(), 'data'), { recursive: true });
    expect(await post(LOG.request(0, 5))).toMatchObject({ status: 500 });
  });
});
