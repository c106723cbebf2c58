import { startServer, type RunningServer } from '#libs/testing';

interface Answer {
  status: number;
  text: string;
  body: {
    id: string;
    code: string;
    errors: { pointer: string; detail: string }[];
    state: string;
    pseudonym: string;
    subjects: string[];
    items: { id: string; released_at: string | null; state: string }[];
    persons: Record<string, string>;
    receipt: { payloadType: string };
    again: string[];
    overdue: object[];
  };
}

/** Over HTTP, with the operator's key: the operator is the person. */
describe('erasure and legal holds', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
    await get('/events'); // reading is the tenant's first event, by a person
  });
  afterAll(() => server.remove());

  const asked = async (method: string, path: string, body?: object): Promise<Answer> => {
    const headers = { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' };
    const options = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const response = await fetch(`${server.url}/api/v1/audit${path}`, options);
    const text = await response.text();
    return { status: response.status, text, body: JSON.parse(text) as Answer['body'] };
  };
  const get = (path: string): Promise<Answer> => asked('GET', path);
  const post = (path: string, body?: object): Promise<Answer> => asked('POST', path, body);
  const persons = async () => Object.entries((await get('/events?persons=true')).body.persons);

  it.each<[string, string, object, string]>([
    ['/erasures', 'a reason', { subject: 'a' }, '/reason_code'],
    ['/erasures', 'a reason of the list', { subject: 'a', reason_code: 'other' }, '/reason_code'],
    ['/erasures', 'somebody', { subject: '', reason_code: 'test' }, '/subject'],
    ['/erasures', 'an id of a case', { subject: 'a', reason_code: 'test', case_id: 'a b' }, '/case_id'],
    ['/holds', 'a case', {}, '/case_id'],
    ['/holds', 'persons, if any', { case_id: 'a', subjects: [] }, '/subjects'],
    ['/holds', 'a time with its zone', { case_id: 'a', since: '2026-01-01' }, '/since'],
    [
      '/holds',
      'an end after the beginning',
      { case_id: 'a', since: '2026-01-02T00:00:00.000Z', until: '2026-01-01T00:00:00.000Z' },
      '/until',
    ],
    ['/holds', 'nothing else', { case_id: 'a', reason: 'x' }, '/reason'],
  ])('%s asks for %s', async (path, _what, body, pointer) => {
    const { status, body: problem } = await post(path, body);
    expect({ status, pointers: problem.errors.map((error) => error.pointer) }).toEqual({
      status: 422,
      pointers: expect.arrayContaining([pointer]) as string[],
    });
  });

  it('keep a person for a case, and then let it go', async () => {
    const [[pseudonym, subject]] = (await persons()) as [[string, string]];
    const hold = await post('/holds', { case_id: 'case-1', subjects: [subject] });
    expect(hold).toMatchObject({ status: 201, body: { subjects: [pseudonym] } });
    const held = await post('/erasures', { subject, reason_code: 'test' });
    expect(held).toMatchObject({ status: 409, body: { code: 'erasure_held', errors: [{ detail: 'case-1' }] } });
    expect((await post(`/holds/${hold.body.id}/release`)).status).toBe(200);
    expect((await get('/holds')).body.items).toMatchObject([{ id: hold.body.id, released_at: expect.any(String) }]);

    const erased = await post('/erasures', { subject, reason_code: 'test', case_id: 'case-2' });

    expect(erased).toMatchObject({ status: 200, body: { state: 'done', pseudonym } });
    expect([hold, held, erased].map(({ text }) => text).filter((text) => text.includes(`"${subject}"`))).toEqual([]);
    expect((await persons()).map(([name]) => name)).not.toContain(pseudonym);
    const { id } = erased.body;
    expect((await get('/erasures')).body.items).toMatchObject([{ id, state: 'done' }]);
    expect((await get(`/erasures/${id}`)).body.receipt.payloadType).toBe('application/vnd.assay.erasure.v1+json');
    expect((await post('/erasures/replay')).body).toMatchObject({ receipts: 1, invalid: [], again: [] });
    expect((await get('/erasures/0193a000-0000-7000-8000-000000000000')).body.code).toBe('erasure_not_found');
    expect((await get('/retention')).body.overdue).toEqual([]);
  });
});
