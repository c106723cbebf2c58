import { askedServer } from './asked-server.fixture.js';

describe('assay archive', () => {
  it.each([
    ['list', [], 'GET /api/v1/audit/archives?limit=100&tenant=acme'],
    ['show', ['b1'], 'GET /api/v1/audit/archives/b1?tenant=acme'],
    ['verify', ['b1'], 'POST /api/v1/audit/archives/b1/verify?copy=false&tenant=acme'],
  ])('%s asks about the ledger of --tenant', async (command, args, expected) => {
    const answer = { archives: [], tier: 'consistent', breaks: [], reasons: [], keys_used: [] };
    const { asked } = await askedServer([answer], ['archive', command, ...args, '--tenant', 'acme', '--json']);
    expect(asked).toEqual([expected]);
  });
});
