import { ArchivedEntries } from '../../apps/server/src/audit/tiers/archived-entries.js';
import { in91Days, LedgerInRoom } from '../../apps/server/src/audit/ledger-in-room.fixture.js';
import { startRoom, TENANT, type AuditRoom } from '../../apps/server/src/audit/audit-room.fixture.js';
import { chosen, inDataFolder, killedAt } from './killed-at.fixture.js';

/** Before what the process is killed. */
const STEPS = [
  ...['read', 'keep', 'draft', 'put lines', 'put manifest', 'check', 'record', 'say recorded'],
  ...['deleting', 'remove', 'remove more', 'say deleted', 'done', 'end'],
];

/** All of them in one ledger. */
const CHOSEN = chosen(STEPS, 2);

describe('kill -9 of a process that archives', () => {
  it(
    `before ${CHOSEN.join(', before ')}: the next one goes on, nothing is lost and nothing doubled`,
    () =>
      inDataFolder(async (dataDir) => {
        const acknowledged = new Map<string, number>();
        for (const step of CHOSEN) {
          for (const line of await killedAt('archive-steps.mjs', { dataDir, step })) {
            acknowledged.set(line.split(' ')[0]!, Number(line.split(' ')[1]));
          }
        }
        await assertSound(dataDir, acknowledged);
      }),
    (CHOSEN.length + 1) * 60_000,
  );
});

/** The oracle: run again, append, sign, verify across the tiers; then every acknowledgement in its place, once. */
async function assertSound(dataDir: string, acknowledged: Map<string, number>): Promise<void> {
  const room = await startRoom({ dataDir });
  try {
    const ledger = new LedgerInRoom(room, TENANT);
    while ((await ledger.run(in91Days())).eventCount > 0);
    const [next] = await room.record(1);
    await room.sign();
    const batches = await ledger.batches();
    expect(batches.map(({ state }) => state)).toEqual(batches.map(() => 'done'));
    const archived = batches.at(-1)!.endSeq + 1;
    const hot = await ledger.hot();
    expect(hot.map(({ seq }) => seq)).toEqual(Array.from({ length: next!.seq + 1 - archived }, (_, i) => archived + i));
    const seqs = await seqsOf(room, batches, hot);
    expect(seqs.size).toBe(next!.seq + 1);
    expect([...acknowledged].filter(([id, seq]) => seqs.get(id) !== seq)).toEqual([]);
    const { tier, breaks, entries } = await room.verify();
    expect({ tier, breaks, entries }).toEqual({
      ...{ tier: 'consistent', breaks: [] },
      entries: { expected: seqs.size, found: seqs.size, verified: seqs.size },
    });
  } finally {
    await room.close();
  }
}

async function seqsOf(
  room: AuditRoom,
  batches: Awaited<ReturnType<LedgerInRoom['batches']>>,
  hot: Awaited<ReturnType<LedgerInRoom['hot']>>,
): Promise<Map<string, number>> {
  const seqs = new Map(hot.map(({ event_id, seq }) => [event_id, seq]));
  for (const batch of batches) {
    for await (const entries of room.module.get(ArchivedEntries).documents(batch, 1_000)) {
      for (const { event_id, seq } of entries) seqs.set(event_id, seq);
    }
  }
  return seqs;
}
