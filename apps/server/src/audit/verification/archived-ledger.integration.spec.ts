import { TENANT } from '../audit-room.fixture.js';
import { archivedLedger, type ArchivedLedger } from './archived-ledger.fixture.js';

describe('a ledger that is archived in part', () => {
  let ledger: ArchivedLedger;
  beforeAll(async () => {
    ledger = await archivedLedger({ ready: 3 });
  });
  afterAll(() => ledger.room.remove());

  it('is verified where it lies', async () => {
    const records = await ledger.records();
    expect(records.map(({ startSeq, endSeq, state }) => [startSeq, endSeq, state])).toEqual([
      [0, 255, 'done'],
      [256, 511, 'done'],
      [512, 767, 'done'],
    ]);
    const verdict = await ledger.room.verify();
    expect(await ledger.room.entries.countDocuments({ tenant: TENANT })).toBe(verdict.entries.found - 768);
  });
});
