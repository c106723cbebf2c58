import { startServer, type RunningServer } from '#libs/testing';

interface Answer {
  size: number;
  note: string;
  verifier_key: string;
  events: { event: { actor: { id: string }; data: { filters: string[] } } }[];
  persons?: Record<string, string>;
  errors?: unknown[];
}

/** The audit log over HTTP, with the operator's key: a person's, so the events carry a pseudonym. */
describe('the audit log', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.remove());

  const get = async (path: string, key = server.apiKey): Promise<{ status: number; body: Answer }> => {
    const answer = await fetch(`${server.url}/api/v1/audit${path}`, { headers: { authorization: `Bearer ${key}` } });
    return { status: answer.status, body: (await answer.json()) as Answer };
  };
  const signed = async (size: number): Promise<Answer> => {
    for (;;) {
      const { body } = await get('/checkpoints/latest');
      if (body.size >= size) return body;
    }
  };

  it('records its own reading once per query, and shows persons to those who may know them', async () => {
    await get('/events?kind=audit.read');
    await get('/events?kind=audit.read');
    const { body } = await get('/events?kind=audit.read&persons=true');
    const plain = body.events.filter(({ event }) => event.data.filters.join() === 'kind');
    expect(plain).toHaveLength(1);
    const { id } = plain[0]!.event.actor;
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(body.persons).toEqual({ [id]: expect.stringMatching(/^.+$/) });
    expect((await get('/events?kind=audit.read')).body).not.toHaveProperty('persons');
  });

  it('gives the newest checkpoint as a note, and never the HMAC', async () => {
    const checkpoint = await signed(1);
    expect(checkpoint.note.split('\n')[0]).toBe('assay.local/ledger/default');
    expect(checkpoint.note).toContain(`\n${checkpoint.size}\n`);
    expect(Object.keys(checkpoint).join()).not.toMatch(/mac/);
  });

  it('verifies with a key that was pinned, and says so', async () => {
    const { verifier_key, size } = await signed(1);
    const { body } = await get(`/verify?vkey=${encodeURIComponent(verifier_key)}`);
    expect(body).toMatchObject({ tenant: 'default', tier: 'consistent', keys: 'pinned', breaks: [] });
    expect(body.size).toBeGreaterThanOrEqual(size);
    expect((await get('/verify?vkey=nonsense')).body).toMatchObject({ status: 422, code: 'verifier_key_invalid' });
  });

  it.each([
    ['/events?limit=1001', '/limit'],
    ['/events?since=yesterday', '/since'],
    ['/events?after_seq=0&kind=audit.read', '/kind'],
    ['/events?cursor=xyz', '/cursor'],
  ])('refuses %s with a pointer', async (path, pointer) => {
    const { status, body } = await get(path);
    expect(status).toBe(422);
    expect(body.errors).toContainEqual(expect.objectContaining({ pointer }));
  });

  it('is closed to whoever has no key', async () => {
    for (const path of ['/events', '/verify', '/checkpoints/latest']) {
      expect((await get(path, 'no such key')).status).toBe(401);
    }
  });
});
