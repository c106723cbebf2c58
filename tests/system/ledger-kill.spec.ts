import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer, type RunningServer } from '#libs/testing';
import { startRoom } from '../../apps/server/src/audit/audit-room.fixture.js';
import { acknowledgedBy, startWriter, type Acknowledged } from './ledger-writers.fixture.js';

/** 2 in the gate, 30 for a release. */
const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 2);
const MINUTES = 60_000;

describe('kill -9 under load', () => {
  it(
    'of a process that appends and signs: nothing acknowledged is missing, nothing is doubled or forked',
    async () => {
      const dataDir = await mkdtemp(join(tmpdir(), 'assay-audit-'));
      const acknowledged: Acknowledged[] = [];
      try {
        for (let round = 0; round < ROUNDS; round++) {
          const writer = startWriter({ dataDir, total: Number.MAX_SAFE_INTEGER, callers: 64, roles: 'api,ledger' });
          try {
            // Somewhere in the middle of a flush, a mark or a checkpoint: never at the same place.
            await writer.told(100 + Math.floor(Math.random() * 1_500));
          } finally {
            await writer.kill();
          }
          acknowledged.push(...acknowledgedBy(writer));
        }
        const room = await startRoom({ dataDir });
        try {
          await room.record(1);
          await room.sign();
          const stored = await room.stored();
          const seqs = new Map(stored.map(({ event_id, seq }) => [event_id, seq]));
          expect(seqs.size).toBe(stored.length);
          expect(acknowledged.filter(({ id, seq }) => seqs.get(id) !== seq)).toEqual([]);
          const { tier, breaks, entries, size } = await room.verify();
          expect({ tier, breaks }).toEqual({ tier: 'consistent', breaks: [] });
          expect(entries).toEqual({ expected: size, found: size, verified: size });
        } finally {
          await room.close();
        }
      } finally {
        await rm(dataDir, { recursive: true, force: true });
      }
    },
    ROUNDS * MINUTES,
  );

  it(
    'of the server while clients send audited requests: every answered one is in the ledger, which verifies',
    async () => {
      let server = await startServer();
      const counts = { sent: 0, answered: 0 };
      try {
        for (let round = 0; round < ROUNDS; round++) {
          const enough = counts.answered + 20 + Math.floor(Math.random() * 100);
          const clients = Array.from({ length: 16 }, () => sendUntilCut(server, counts));
          await until(() => counts.answered >= enough, clients);
          await server.kill();
          await Promise.all(clients);
          server = await startServer({ dataDir: server.dataDir });
        }
        const kinds = await kindsOf(server);
        const reads = kinds.filter((kind) => kind === 'audit.read').length;
        expect(reads).toBeGreaterThanOrEqual(counts.answered);
        expect(reads).toBeLessThanOrEqual(counts.sent + 1);
        const verdict = await (await get(server, '/audit/verify')).json();
        expect(verdict).toMatchObject({ tier: 'consistent', breaks: [] });
      } finally {
        await server.remove();
      }
    },
    ROUNDS * MINUTES,
  );
});

/** Reads of the audit log are events: one per credential, query and hour, and each query here is another. */
async function sendUntilCut(server: RunningServer, counts: { sent: number; answered: number }): Promise<void> {
  try {
    for (;;) {
      const since = new Date(Date.UTC(2020, 0, 1) + counts.sent++).toISOString();
      const answer = await get(server, `/audit/events?limit=1&since=${since}`);
      await answer.text();
      if (!answer.ok) throw new Error(`expected 200, found ${answer.status}`);
      counts.answered += 1;
    }
  } catch (error) {
    if ((error as Error).name !== 'TypeError') throw error; // fetch's own: the connection was cut
  }
}

/** Looks again with every turn of the event loop's timers; rejects with what a client rejected with. */
async function until(reached: () => boolean, clients: readonly Promise<void>[]): Promise<void> {
  const failed = Promise.all(clients);
  while (!reached()) await Promise.race([sleep(5), failed]);
}

async function kindsOf(server: RunningServer): Promise<string[]> {
  const kinds: string[] = [];
  for (let after = -1; ;) {
    const page = (await (await get(server, `/audit/events?limit=1000&after_seq=${after}`)).json()) as {
      events: { seq: number; event: { kind: string } }[];
      next_after_seq: number;
    };
    if (page.events.length === 0) return kinds;
    kinds.push(...page.events.map(({ event }) => event.kind));
    after = page.next_after_seq;
  }
}

const get = (server: RunningServer, path: string): Promise<Response> =>
  fetch(`${server.url}/api/v1${path}`, { headers: { authorization: `Bearer ${server.apiKey}` } });
