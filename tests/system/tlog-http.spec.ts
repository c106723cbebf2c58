import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import mongoose from 'mongoose';
import {
  bytesOfBase64,
  consistencyProofFrom,
  entriesOfBundle,
  entriesPath,
  hashesOfTile,
  inclusionProofFrom,
  leafHash,
  parseEvent,
  parseVerifierKey,
  rootFrom,
  tilePath,
  tileWidthAt,
  verifyCheckpoint,
  verifyConsistency,
  verifyInclusion,
  verifyProof,
  verifyTlog,
  type HashTiles,
} from '#libs/ledger';
import { openObjectStore } from '#libs/object-store';
import { startServer, type RunningServer } from '#libs/testing';

/** A name that its own paths hold once more. */
const TENANT = 'tile';
/** One full tile and a partial one. */
const ENTRIES = 300;
const CLI = resolve(__dirname, '../../dist/apps/cli/src/main.js');
const IMMUTABLE = 'private, max-age=31536000, immutable';

/** A stranger with a verifier key and a credential, who knows C2SP tlog-tiles and nothing of this server. */
describe('a ledger as tlog-tiles over HTTP', () => {
  let server: RunningServer;
  let verifierKey: string;
  beforeAll(async () => {
    server = await startServer({ env: { AUDIT_OPEN_TENANTS: 'system', CONVERTER_API_KEY_TENANT: TENANT } });
    await grownTo(ENTRIES);
    verifierKey = (await json<{ verifier_key: string }>('/api/v1/audit/checkpoints/latest')).verifier_key;
  });
  afterAll(() => server.remove());

  const asked = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(server.url + path, { headers: { authorization: `Bearer ${server.apiKey}`, ...headers } });
  const tlog = (path: string, headers?: Record<string, string>): Promise<Response> =>
    asked(`/tlog/${TENANT}/${path}`, headers);
  const json = async <T>(path: string): Promise<T> => (await (await asked(path)).json()) as T;
  const bytesAt = async (path: string): Promise<Uint8Array> => {
    const answer = await tlog(path);
    expect(`${path} ${answer.status}`).toBe(`${path} 200`);
    return new Uint8Array(await answer.arrayBuffer());
  };
  const newest = async () => verifyCheckpoint(await (await tlog('checkpoint')).text(), [parseVerifierKey(verifierKey)]);
  const tiles: HashTiles = {
    tile: async (level, index, width) => hashesOfTile(await bytesAt(tilePath({ level, index, width })), width),
  };

  const published = async (): Promise<number> => {
    const { size } = await json<{ size?: number }>('/api/v1/audit/checkpoints/latest');
    return size ?? 0;
  };

  /** Each question with other filters is one event. */
  async function grownTo(size: number): Promise<void> {
    const count = size - (await published());
    await Promise.all(
      Array.from({ length: count }, (_, i) => json(`/api/v1/audit/events?limit=1&job_id=${size}-${i}`)),
    );
    while ((await published()) < size);
  }

  it('gives a signed checkpoint whose root the tiles lead to, and the entries behind them', async () => {
    const { size, root, origin } = await newest();
    expect(origin).toBe(`assay.local/ledger/${TENANT}`);
    expect(await rootFrom(tiles, size)).toEqual(root);
    for (let index = 0; index * 256 < size; index++) {
      const width = tileWidthAt({ level: 0, index, size });
      const entries = entriesOfBundle(await bytesAt(entriesPath({ index, width })), width);
      expect(entries.map(leafHash)).toEqual(await tiles.tile(0, index, width));
      for (const entry of entries) expect(parseEvent(entry).scope.tenant).toBe(TENANT);
    }
  });

  it('proves that it only grew, and every event of it', async () => {
    const before = await newest();
    await grownTo(before.size + 20);
    const after = await newest();
    const own = await consistencyProofFrom(tiles, { from: before.size, to: after.size });
    verifyConsistency({ from: before.size, to: after.size, fromRoot: before.root, toRoot: after.root, proof: own });
    const served = await json<{ proof: string[] }>(`/api/v1/audit/consistency?from=${before.size}&to=${after.size}`);
    expect(served.proof.map(bytesOfBase64)).toEqual(own);

    const page = await json<{ events: { seq: number; event: { id: string } }[] }>('/api/v1/audit/events?after_seq=270');
    const { seq, event } = page.events[0]!;
    const path = `/api/v1/audit/events/${event.id}/proof?size=${after.size}`;
    const proof = await json<{ bytes: string; seq: number; proof: string[] }>(path);
    const leaf = leafHash(bytesOfBase64(proof.bytes)!);
    const hashes = proof.proof.map((hash) => bytesOfBase64(hash)!);
    expect(hashes).toEqual(await inclusionProofFrom(tiles, { index: seq, size: after.size }));
    verifyInclusion({ leafHash: leaf, index: seq, size: after.size, root: after.root, proof: hashes });
    const file = await asked(path, { accept: 'text/plain' });
    expect(file.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const verifierKeys = [parseVerifierKey(verifierKey)];
    expect(verifyProof({ text: await file.text(), leafHash: leaf, verifierKeys })).toMatchObject({ size: after.size });
    const { bytes } = await json<{ bytes: string }>(`/api/v1/audit/events/${event.id}`);
    expect(bytes).toBe(proof.bytes);
  });

  it('answers HEAD with the headers of a tile alone', async () => {
    const [head, whole] = await Promise.all(
      ['HEAD', 'GET'].map((method) =>
        fetch(`${server.url}/tlog/${TENANT}/tile/0/000`, {
          method,
          headers: { authorization: `Bearer ${server.apiKey}` },
        }),
      ),
    );
    expect(head!.headers.get('etag')).toBe(whole!.headers.get('etag'));
    expect(head!.headers.get('content-length')).toBe('8192');
    expect(await head!.text()).toBe('');
  });

  it('says how long each may be kept, and answers 304 to who has it', async () => {
    const checkpoint = await tlog('checkpoint');
    expect(checkpoint.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(checkpoint.headers.get('cache-control')).toBe('private, max-age=1');
    for (const path of ['tile/0/000', 'tile/0/001.p/7', 'tile/entries/000', 'tile/1/000.p/1']) {
      const answer = await tlog(path);
      expect(answer.headers.get('content-type')).toBe('application/octet-stream');
      expect(answer.headers.get('cache-control')).toBe(IMMUTABLE);
      const again = await tlog(path, { 'if-none-match': answer.headers.get('etag')! });
      expect(again.status).toBe(304);
      expect(await again.text()).toBe('');
      expect((await tlog(path, { 'if-none-match': '"other"' })).status).toBe(200);
    }
  });

  it('compresses bundles for who asks for it, and nothing else', async () => {
    const [plain, zipped] = await Promise.all(
      ['identity', 'gzip'].map((coding) => tlog('tile/entries/000', { 'accept-encoding': coding })),
    );
    expect(plain!.headers.get('content-encoding')).toBeNull();
    expect(zipped!.headers.get('content-encoding')).toBe('gzip');
    expect(zipped!.headers.get('vary')).toBe('Accept-Encoding');
    expect(zipped!.headers.get('etag')).not.toBe(plain!.headers.get('etag'));
    expect(await zipped!.arrayBuffer()).toEqual(await plain!.arrayBuffer());
    expect((await tlog('tile/0/000', { 'accept-encoding': 'gzip' })).headers.get('content-encoding')).toBeNull();
  });

  it.each([
    ...['tile/0/000.p/0', 'tile/0/000.p/256', 'tile/0/000.p/01', 'tile/0/000/', 'tile/0/0', 'tile/0/x000/000'],
    ...['tile/00/000', 'tile/64/000', 'tile/-1/000', 'tile/0/000%2Ep/7', 'tile/entries/0', 'tile/0', 'tile/', 'tile'],
    ...['tile/0/002', 'tile/0/002.p/255', 'tile/1/000', 'tile/1/000.p/200', 'tile/2/000.p/1', 'tile/entries/x001/000'],
    ...['tile/8/x999/x999/x999/x999/x999/999', 'vkeys', 'checkpoint/x'],
  ])('has no %s', async (path) => {
    expect((await tlog(path)).status).toBe(404);
  });

  it('is closed to other keys, and to nobody where the tenant is open', async () => {
    for (const path of ['checkpoint', 'tile/0/000', 'tile/entries/000']) {
      expect((await fetch(`${server.url}/tlog/${TENANT}/${path}`)).status).toBe(401);
      expect((await tlog(path, { authorization: 'Bearer no' })).status).toBe(401);
      // Whether there is a ledger of that name is not told.
      const others = await asked(`/tlog/nobody/${path}`);
      expect(await others.json()).toMatchObject({ status: 404, code: 'not_found' });
    }
    let open: Response;
    do open = await fetch(`${server.url}/tlog/system/checkpoint`);
    while (open.status === 404);
    expect(open.headers.get('cache-control')).toBe('public, max-age=1');
    const note = await open.text();
    expect(note.split('\n')[0]).toBe('assay.local/ledger/system');
    const [, size] = note.split('\n');
    const bundle = await fetch(`${server.url}/tlog/system/tile/entries/000.p/${size}`);
    expect(bundle.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const entries = entriesOfBundle(new Uint8Array(await bundle.arrayBuffer()), Number(size));
    expect(entries.map((entry) => parseEvent(entry).kind)).not.toContain('audit.read');
  });

  it('notes who reads once an hour, not once a tile', async () => {
    type Noted = { events: { event: { data: { query: string } } }[] };
    const { events } = await json<Noted>('/api/v1/audit/events?kind=audit.read&limit=1000');
    const queries = events.map(({ event }) => event.data.query);
    for (const query of ['tlog', 'event', 'consistency'])
      expect(queries.filter((noted) => noted === query)).toHaveLength(1);
    const exported = await json<Noted>('/api/v1/audit/events?kind=audit.exported&limit=1000');
    expect(exported.events).toMatchObject([{ event: { data: { form: 'tlog' } } }]);
  });

  /** Last: from here on the first tile's entries are in the cold store alone. */
  describe('when some of it is archived', () => {
    type Listed = { events: { seq: number; tier: string; event: { id: string; ts: string } }[] };
    const seqs = ({ events }: Listed): number[] => events.map(({ seq }) => seq);
    const ordered = async (path: string, body: object = {}): Promise<Record<string, unknown>> => {
      const answer = await fetch(`${server.url}/api/v1/audit/${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: answer.status, ...((await answer.json()) as object) };
    };
    const persons = async (): Promise<string[]> =>
      Object.values(
        (await json<{ persons: Record<string, string> }>('/api/v1/audit/events?after_seq=-1&limit=9&persons=true'))
          .persons,
      );
    let before: { bundle: Uint8Array; events: Listed; persons: string[] };
    let batch: string;
    beforeAll(async () => {
      before = {
        bundle: await bytesAt('tile/entries/000'),
        events: await json('/api/v1/audit/events?after_seq=-1&limit=300'),
        persons: await persons(),
      };
      expect(before.persons).not.toHaveLength(0);
      const client = await new mongoose.mongo.MongoClient(server.mongoUri).connect();
      const long = { $set: { signed_at: new Date(Date.now() - 100 * 86_400_000) } };
      await client.db().collection('ledger_checkpoints').updateMany({ tenant: TENANT }, long);
      await client.close();
      const run = await ordered('archive/run', { override: true });
      expect(run).toMatchObject({ status: 200, ok: true, startSeq: 0, endSeq: 255, eventCount: 256 });
      batch = String(run['batchId']);
    });

    it('serves the same bundle under the same headers, and the whole log verifies', async () => {
      expect(await bytesAt('tile/entries/000')).toEqual(before.bundle);
      const answer = await tlog('tile/entries/000');
      expect(answer.headers.get('cache-control')).toBe(IMMUTABLE);
      const again = await tlog('tile/entries/000', { 'if-none-match': answer.headers.get('etag')! });
      expect(again.status).toBe(304);
      const report = await verifyTlog({
        read: async (path) => {
          const found = await tlog(path);
          return found.ok ? new Uint8Array(await found.arrayBuffer()) : undefined;
        },
        keys: { verifierKeys: [parseVerifierKey(verifierKey)], pinned: true },
      });
      expect(report).toMatchObject({ tier: 'consistent', breaks: [], keys: 'pinned' });
      expect(report.entries.verified).toBeGreaterThan(ENTRIES);
    });

    it('lists the same events, by seq and by time, and says where they are', async () => {
      const after = await json<Listed>('/api/v1/audit/events?after_seq=-1&limit=300');
      expect(seqs(after)).toEqual(seqs(before.events));
      for (const { seq, tier } of after.events) expect(tier).toBe(seq < 256 ? 'archived' : 'hot');
      const oldest = after.events.slice(0, 40).map(({ event }) => event.ts);
      const page = await json<Listed>(`/api/v1/audit/events?until=${oldest.at(-1)}&limit=1000`);
      const expected = after.events.filter(({ event }) => event.ts < oldest.at(-1)!);
      expect(seqs(page).sort((a, b) => a - b)).toEqual(seqs({ events: expected }));
      expect(await persons()).toEqual(before.persons);
      expect(await json(`/api/v1/audit/events/${after.events[3]!.event.id}`)).toMatchObject({
        seq: 3,
        tier: 'archived',
      });
    });

    it('finds other filters where it is restored, and says what to ask for where it is not', async () => {
      const found = (): Promise<object> => json('/api/v1/audit/events?kind=audit.read&limit=1');
      expect(await found()).toMatchObject({
        status: 422,
        code: 'range_required',
        errors: [{ pointer: '/since', code: 'range_required' }],
      });
      expect(await json(`/api/v1/audit/archives/${batch}`)).toMatchObject({ restored: null });
      const restored = await ordered(`archives/${batch}/restore`, { days: 2 });
      expect(restored).toMatchObject({ status: 200, id: batch, eventCount: 256 });
      expect(await json(`/api/v1/audit/archives/${batch}`)).toMatchObject({
        restored: { state: 'restored', until: restored['until'] },
      });
      expect(await found()).toMatchObject({ events: [expect.anything()] });
    });

    it('is listed and verified by assay archive, which ends with 1 when an object was altered', async () => {
      const [listed, whole] = await Promise.all([assay('list', '--json'), assay('verify', batch)]);
      expect([listed.code, JSON.parse(listed.out)]).toMatchObject([0, { id: batch, startSeq: 0, endSeq: 255 }]);
      expect(whole.code).toBe(0);
      const cold = await openObjectStore(pathToFileURL(join(server.dataDir, 'cold')).href);
      const { jsonlKey } = JSON.parse(listed.out) as { jsonlKey: string };
      await cold.put(jsonlKey, Buffer.from('other'));
      cold.close();
      const [broken, none] = await Promise.all([assay('verify', batch), assay('show', 'nobodys')]);
      expect(broken.code).toBe(1);
      expect(broken.out).toContain('archive_altered');
      expect(none.code).toBe(4);
    });

    async function assay(...args: string[]): Promise<{ code: number | null; out: string }> {
      const env = { PATH: process.env['PATH'], ASSAY_SERVER: server.url, ASSAY_API_KEY: server.apiKey };
      const child = spawn(process.execPath, [CLI, 'archive', ...args], { env, stdio: ['ignore', 'pipe', 'ignore'] });
      const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number | null]>]);
      return { code, out };
    }
  });
});
