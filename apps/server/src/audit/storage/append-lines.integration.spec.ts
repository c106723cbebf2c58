import { startRoom, type AuditRoom } from '../audit-room.fixture.js';
import { AppendLines } from './append-lines.store.js';

const HEAD = { seq: 3, chainHash: new Uint8Array(32).fill(7) };

let room: AuditRoom;
let lines: AppendLines;

beforeAll(async () => {
  room = await startRoom();
  lines = room.module.get(AppendLines);
});

afterAll(() => room.remove());

describe('AppendLines', () => {
  it('keeps writers in the order of joining, each once, and passes the head on with the turn', async () => {
    await lines.change([
      { tenant: 'a', joins: 'one' },
      { tenant: 'b', joins: 'two' },
      { tenant: 'a', joins: 'two' },
      { tenant: 'a', joins: 'one' },
    ]);
    const before = await lines.lines(['a', 'b']);
    expect(before.map(({ tenant, writers }) => [tenant, writers])).toEqual([
      ['a', ['one', 'two']],
      ['b', ['two']],
    ]);
    const end = { tenant: 'a', ends: 'one', turn: before[0]!.turn, head: HEAD };
    await lines.change([end, end, { tenant: 'b', leaves: 'two' }]); // the second time is no change
    const [a, b] = await lines.lines(['a', 'b']);
    expect(a).toMatchObject({ turn: before[0]!.turn + 1, writers: ['two'], head: { seq: 3 } });
    expect(Buffer.from(a!.head!.chainHash)).toEqual(Buffer.from(HEAD.chainHash));
    expect(b!.writers).toEqual([]);
  });

  it('knows no head after a turn that was ended for its writer', async () => {
    await lines.change([{ tenant: 'c', joins: 'one' }]);
    await lines.change([{ tenant: 'c', ends: 'one', turn: 0, head: HEAD }]);
    await lines.change([{ tenant: 'c', ends: 'two', turn: 1, head: undefined }]);
    expect((await lines.lines(['c']))[0]).toEqual({ tenant: 'c', turn: 2, writers: [], head: undefined });
  });
});
