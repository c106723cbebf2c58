import { askedServer } from './asked-server.fixture.js';

describe('assay audit search', () => {
  const entry = (seq: number): object => ({ seq, event: null });

  it('ends with the page that has no next one', async () => {
    const pages = [{ events: [entry(3), entry(2)], next_cursor: 'older' }, { events: [entry(1)] }];
    const { asked, out } = await askedServer(pages, ['audit', 'search', '--limit', '9']);
    expect(asked).toEqual(['GET /api/v1/audit/events?limit=9', 'GET /api/v1/audit/events?cursor=older&limit=7']);
    expect(out.match(/^\d+/gm)).toEqual(['3', '2', '1']);
  });
});
