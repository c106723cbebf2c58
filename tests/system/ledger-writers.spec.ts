import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRoom } from '../../apps/server/src/audit/audit-room.fixture.js';
import { startWriter, type Writer } from './ledger-writers.fixture.js';

const EACH = 150;

describe('several processes that append to one ledger', () => {
  it.each([2, 4])('from an empty one, %i of them: no gap, no fork, nothing missing or doubled', async (count) => {
    const engine = await startRoom();
    const folders = await Promise.all(Array.from({ length: count }, () => mkdtemp(join(tmpdir(), 'assay-audit-'))));
    const writers: Writer[] = folders.map((dataDir) =>
      startWriter({ dataDir, uri: engine.store.uri, total: EACH, callers: 8, roles: 'api' }),
    );
    try {
      await Promise.all(writers.map((writer) => writer.ended()));
      await engine.sign();
      const acknowledged = writers.flatMap((writer) => writer.acknowledged());
      const stored = await engine.stored();
      expect(acknowledged).toHaveLength(count * EACH);
      expect(stored.map(({ seq }) => seq)).toEqual(Array.from({ length: count * EACH }, (_, seq) => seq));
      expect(new Map(stored.map(({ event_id, seq }) => [event_id, seq]))).toEqual(
        new Map(acknowledged.map(({ id, seq }) => [id, seq])),
      );
      expect(await engine.verify()).toMatchObject({ tier: 'consistent', size: count * EACH, breaks: [] });
    } finally {
      for (const writer of writers) writer.process.kill('SIGKILL');
      await engine.remove();
      await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
    }
  });
});
