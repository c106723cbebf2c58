import { startServer, type RunningServer } from '#libs/testing';
import { parseNote, parseVerifierKey } from '#libs/ledger';
import { until } from './server.fixture.js';

interface Key {
  id: string;
  purpose: string;
  state: string;
  public_key: string;
  ledgers: { ledger: string; key_id: string; verifier_key?: string; from_size?: number; to_size?: number }[];
}

interface Answer {
  id: string;
  code: string;
  errors: { pointer: string }[];
  keys: Key[];
  waiting: { note: string[] };
  note: string;
  size: number;
}

/** The keys over HTTP, with the operator's key. */
describe('the keys of a deployment', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
    await get('/events'); // reading is the tenant's first event, and begins its ledger
    await until(async () => (await get('/checkpoints/latest')).size > 0);
  });
  afterAll(() => server.remove());

  const headers = () => ({ authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' });
  const get = async (path: string): Promise<Answer> =>
    (await (await fetch(`${server.url}/api/v1/audit${path}`, { headers: headers() })).json()) as Answer;
  const post = async (path: string, body?: object): Promise<{ status: number; answer: Answer }> => {
    const options = { method: 'POST', headers: headers(), ...(body && { body: JSON.stringify(body) }) };
    const response = await fetch(`${server.url}/api/v1/audit/keys${path}`, options);
    return { status: response.status, answer: (await response.json()) as Answer };
  };
  const noteKeys = async (): Promise<Key[]> => (await get('/keys')).keys.filter(({ purpose }) => purpose === 'note');
  const inOwn = ({ ledgers }: Key) => ledgers.find(({ ledger }) => ledger === 'default');
  const vkeys = async (): Promise<string[]> => {
    const response = await fetch(`${server.url}/tlog/default/vkey`, { headers: headers() });
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    return (await response.text()).trimEnd().split('\n');
  };

  it('rotate, retire, and verify with the first key pinned', async () => {
    const [first] = await vkeys();
    const rotated = await post('/rotate', { purpose: 'note' });
    expect(rotated.status).toBe(202);
    await until(async () => (await get('/keys')).waiting.note.length === 0);
    const [old, fresh] = await noteKeys();
    expect(fresh).toMatchObject({ id: rotated.answer.id, state: 'current' });
    expect(inOwn(old!)!.to_size! + 1).toBe(inOwn(fresh!)!.from_size);
    expect(await vkeys()).toEqual([first, inOwn(fresh!)!.verifier_key]);
    expect(await post(`/${old!.id}/retire`)).toMatchObject({ status: 202, answer: { id: old!.id } });
    const fingerprint = inOwn(fresh!)!.key_id;
    await until(async () => parseNote((await get('/checkpoints/latest')).note).signatures[0]!.keyId === fingerprint);
    expect(await noteKeys()).toMatchObject([{ state: 'retired' }, { state: 'current' }]);
    expect(await get(`/verify?vkey=${encodeURIComponent(first!)}`)).toMatchObject({
      tier: 'consistent',
      keys: 'pinned',
      breaks: [],
    });
  });

  it('are what archives are ordered with, and nothing is old enough yet', async () => {
    const run = async (body: object) => {
      const options = { method: 'POST', headers: headers(), body: JSON.stringify(body) };
      const response = await fetch(`${server.url}/api/v1/audit/archive/run`, options);
      return { status: response.status, answer: (await response.json()) as object };
    };
    expect(await run({})).toMatchObject({ status: 409, answer: { code: 'archive_disabled' } });
    expect(await run({ override: 'yes' })).toMatchObject({ status: 422, answer: { code: 'invalid_input' } });
    expect(await run({ override: true, tenant: 'nobody' })).toMatchObject({ status: 404 });
    expect(await run({ override: true })).toEqual({
      status: 200,
      answer: { ok: true, batchId: null, startSeq: null, endSeq: null, eventCount: 0 },
    });
    expect(await get('/archives')).toEqual({ archives: [], copy: null });
    expect(await get('/archives/0190b6f0-0000-7000-8000-000000000000')).toMatchObject({ code: 'archive_not_found' });
  });

  it('are public as a JWK set, without a key and without a tenant', async () => {
    const response = await fetch(`${server.url}/.well-known/jwks.json`);
    expect(response.headers.get('content-type')).toContain('application/jwk-set+json');
    const text = await response.text();
    expect(text).not.toContain('default');
    const { keys } = JSON.parse(text) as { keys: Record<string, string>[] };
    expect(keys.map(({ kty, crv, alg, use }) => [kty, crv, alg, use].join())).toEqual(
      keys.map(() => 'OKP,Ed25519,EdDSA,sig'),
    );
    const newest = parseVerifierKey((await vkeys()).at(-1)!);
    const x = Buffer.from(newest.publicKey).toString('base64url');
    expect(keys.filter((key) => key['x'] === x)).toMatchObject([
      { purpose: 'note', kid: expect.stringMatching(/^[0-9a-f]{16}$/) as string },
    ]);
  });

  it.each([
    ['/rotate', { purpose: 'everything' }, 422, '/purpose'],
    ['/rotate', {}, 422, '/purpose'],
    ['/rotate', { purpose: 'cosignature', tenant: 'default' }, 422, '/tenant'],
    ['/rotate', { purpose: 'note', tenant: 'nobody' }, 422, '/tenant'],
    ['/rotate', { purpose: 'note', more: 1 }, 422, '/more'],
    ['/first/compromised', { since_size: -1 }, 422, '/since_size'],
    ['/first/compromised', { since_size: 10_000_000, tenant: 'default' }, 422, '/since_size'],
    ['/first/compromised', { since_size: 1 }, 422, '/tenant'],
  ])('refuse %s with %j and name the field', async (path, body, status, pointer) => {
    const [first] = await noteKeys();
    const answer = await post(path.replace('first', first!.id), body);
    expect({ status: answer.status, pointers: answer.answer.errors.map((error) => error.pointer) }).toEqual({
      status,
      pointers: [pointer],
    });
  });

  it('are not retired while they sign, and not found under another id', async () => {
    const current = (await noteKeys()).at(-1)!;
    expect(await post(`/${current.id}/retire`)).toMatchObject({ status: 409, answer: { code: 'key_in_use' } });
    expect(await post('/0123456789abcdef/retire')).toMatchObject({ status: 404, answer: { code: 'key_not_found' } });
  });
});
