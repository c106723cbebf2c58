import { WireProxy, type WireFault } from '#libs/testing';
import { startRoom, TENANT, type AuditRoom } from './audit-room.fixture.js';

/** In the bytes of an insert into the ledger, and of no other command. */
const APPEND = 'insert\0\x0f\0\0\0ledger_entries\0';
const CHECKPOINT = 'insert\0\x13\0\0\0ledger_checkpoints\0';
const SUBJECT = 'insert\0\x0d\0\0\0subject_keys\0';

/** One matrix: every write of the room, lost on the way, kept but reported failed, or arriving when nobody waits. */
describe.each([
  ['append', APPEND],
  ['checkpoint', CHECKPOINT],
] as const)('when the %s write', (_point, text) => {
  it.each<WireFault>(['lost', 'kept', 'late'])(
    'was %s, what was acknowledged is there once and the ledger verifies, also after a restart',
    async (fault) => {
      const engine = await startRoom();
      const proxy = await WireProxy.before(engine.store.uri);
      let room: AuditRoom | undefined;
      try {
        room = await startRoom({ dataDir: engine.dataDir, uri: proxy.uri });
        await room.record(3);
        await room.sign();
        proxy.failNext(text, fault);
        const recorded = await room.record(4, 3);
        await room.sign().catch(() => undefined); // the next turn signs again
        expect(proxy.struck).toBe(1);
        await room.close();
        room = await startRoom({ dataDir: engine.dataDir, uri: proxy.uri });
        await room.record(2, 7);
        expect(await room.sign()).toMatchObject({ size: 9 });
        const seqs = new Map((await room.stored()).map(({ event_id, seq }) => [event_id, seq]));
        for (const { id, seq } of recorded) expect(seqs.get(id)).toBe(seq);
        expect(await room.verify()).toMatchObject({
          verdict: 'consistent',
          size: 9,
          breaks: [],
          entries: { expected: 9, found: 9, verified: 9 },
        });
      } finally {
        await room?.close();
        await proxy.close();
        await engine.remove();
      }
    },
  );
});

describe('when the write of a subject key was kept and reported failed', () => {
  it('the person keeps that one pseudonym', async () => {
    const engine = await startRoom();
    const proxy = await WireProxy.before(engine.store.uri);
    const room = await startRoom({ dataDir: engine.dataDir, uri: proxy.uri });
    try {
      proxy.failNext(SUBJECT, 'kept');
      await room.recordPerson('Ada').catch(() => undefined); // a driver may have tried again by itself
      await room.recordPerson('Ada');
      expect(proxy.struck).toBe(1);
      expect(await engine.store.collection('subject_keys').countDocuments({ tenant: TENANT })).toBe(1);
    } finally {
      await room.close();
      await proxy.close();
      await engine.remove();
    }
  });
});
