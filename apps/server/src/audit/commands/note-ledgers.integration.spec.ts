import { createHash } from 'node:crypto';
import { CommandBus } from '@nestjs/cqrs';
import { hexOf, parseEvent, rootOf, type LedgerEvent, type StoredEntry } from '#libs/ledger';
import { startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import { NoteLedgers } from './note-ledgers.command.js';

const HOUR_MS = 3_600_000;
const ALL_BUT_DATE = [
  ...(['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
  ...(['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] as const),
];
const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

describe('what the system ledger notes', () => {
  let room: AuditRoom;
  let hour = Math.floor(Date.now() / HOUR_MS);
  /** The middle of the next hour. Time never goes back, or the ids of new events would be ahead of it. */
  const nextHour = () => jest.setSystemTime((++hour + 0.5) * HOUR_MS);

  beforeEach(async () => {
    jest.useFakeTimers({ doNotFake: ALL_BUT_DATE });
    nextHour();
    room = await startRoom();
  });
  afterEach(async () => {
    jest.useRealTimers();
    await room.remove();
  });

  const note = () => room.module.get(CommandBus).execute(new NoteLedgers());
  const noted = async (kind: string): Promise<LedgerEvent[]> => {
    const entries = room.store
      .collection<StoredEntry>('ledger_entries')
      .find({ tenant: 'system', kind }, { promoteBuffers: true })
      .sort({ seq: 1 });
    return (await entries.toArray()).map(({ bytes }) => parseEvent(bytes));
  };
  const rootAt = async (size: number) =>
    hexOf(rootOf((await room.stored()).slice(0, size).map(({ leaf_hash }) => leaf_hash)));
  const restarted = async () => {
    await room.close();
    room = await startRoom({ dataDir: room.dataDir });
  };

  it('is size and root of a ledger as its newest checkpoint says, once an hour in any process', async () => {
    await room.record(3);
    await room.sign();
    await note();
    await room.record(2, 3);
    await room.sign();
    await note();
    await restarted();
    await note();
    const first = await noted('ledger.noted');
    expect(first).toMatchObject([
      { data: { ledger: TENANT, size: 3, origin_sha256: sha256(`assay.test/ledger/${TENANT}`) } },
    ]);
    expect(first[0]!.data!['root']).toBe(await rootAt(3));
    nextHour();
    await note();
    const both = await noted('ledger.noted');
    expect(both.map(({ data }) => data!['size'])).toEqual([3, 5]);
    expect(both[1]!.data!['root']).toBe(await rootAt(5));
  });

  it('is nothing of a ledger without a checkpoint', async () => {
    await room.record(1);
    await note();
    expect(await noted('ledger.noted')).toEqual([]);
  });
});
