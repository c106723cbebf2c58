import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Leases } from '#libs/mongo';
import { startRoom, type AuditRoom } from '../audit-room.fixture.js';
import { in91Days, LedgerInRoom } from '../ledger-in-room.fixture.js';
import { ArchiveDays } from '../storage/archive-days.store.js';
import { ArchiveRun } from './archive-run.js';
import { ArchiveTask } from './archive-task.js';

describe('of two processes over one database', () => {
  let folder: string;
  let rooms: AuditRoom[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-two-rooms-'));
    const env = { ARCHIVE_ENABLED: 'true', AUDIT_COLD_URL: pathToFileURL(join(folder, 'cold')).href };
    const one = await startRoom({ dataDir: join(folder, 'one'), env });
    rooms = [one];
    await cp(join(folder, 'one', 'keys'), join(folder, 'two', 'keys'), { recursive: true });
    rooms.push(await startRoom({ dataDir: join(folder, 'two'), uri: one.store.uri, env }));
  });
  afterAll(async () => {
    for (const room of [...rooms].reverse()) await room.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('one does the run of the day, and the other leaves it alone', async () => {
    const [one, two] = rooms as [AuditRoom, AuditRoom];
    const ledger = new LedgerInRoom(one, 'acme');
    await ledger.recordAndSign(300);
    const [ofOne, ofTwo] = [one, two].map(({ module }) => module.get(ArchiveRun)) as [ArchiveRun, ArchiveRun];
    const real = ofOne.runOnce.bind(ofOne);
    const other = jest.spyOn(ofTwo, 'runOnce');
    const now = in91Days();
    const tick = (room: AuditRoom): Promise<void> => room.module.get(ArchiveTask).tick(now);
    const run = jest.spyOn(ofOne, 'runOnce').mockImplementation(async (...given) => {
      await tick(two);
      return real(...given);
    });
    await tick(one);
    expect(run).toHaveBeenCalledWith('acme', expect.any(Date), expect.any(AbortSignal));
    expect(await ledger.batches()).toMatchObject([{ startSeq: 0, endSeq: 255, state: 'done' }]);
    expect(await two.module.get(ArchiveDays).last()).toBe(now.toISOString().slice(0, 10));
    await tick(two);
    expect(other).not.toHaveBeenCalled();
  });

  it('the one that finds a ledger taken says so to who asked, and not to who watches', async () => {
    const [one] = rooms as [AuditRoom];
    const ledger = new LedgerInRoom(one, 'taken');
    await ledger.recordAndSign(300);
    await one.module.get(Leases).acquire('ledger-archive:taken', 'another', 60_000);
    await expect(ledger.run()).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_BUSY' });
    expect(one.lines.filter((line) => line.includes('archive_failed'))).toEqual([]);
  });
});
