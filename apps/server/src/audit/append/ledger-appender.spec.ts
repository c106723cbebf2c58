import fc from 'fast-check';
import { genesisHash, LedgerVerifier, verifierKey } from '#libs/ledger';
import { eventsOf, InMemoryEntries, type Fault } from './in-memory-entries.fixture.js';
import type { Head } from '../domain/entry.js';
import { LedgerAppender, type AppenderPorts } from './ledger-appender.js';

const TENANT = 'acme';
const ORIGIN = `assay.test/ledger/${TENANT}`;

function appenderOver(entries: InMemoryEntries, ports: Partial<AppenderPorts> = {}): LedgerAppender {
  return new LedgerAppender(TENANT, {
    entries,
    loadHead: async () => (await entries.head()) ?? { seq: -1, chainHash: genesisHash(ORIGIN) },
    assertOpen: async () => 'assay.test/ledger/acme',
    turns: { take: async () => 'go on', contended: () => {}, giveBack: () => {} },
    ...ports,
  });
}

/** The one oracle: the product's own verifier over what the store holds. */
function verify(entries: InMemoryEntries): void {
  const key = verifierKey(ORIGIN, new Uint8Array(Buffer.from(PUBLIC_KEY, 'hex')));
  const verifier = new LedgerVerifier({
    tenant: TENANT,
    origin: ORIGIN,
    keys: { verifierKeys: [key], pinned: true },
  });
  for (const entry of entries.inOrder()) verifier.entry(entry);
  const { breaks, entries: counted } = verifier.finish();
  expect(breaks).toEqual([]);
  expect(counted).toEqual({ expected: entries.size, found: entries.size, verified: entries.size });
}

/** 400 in the gate, thousands for a release. */
const INTERLEAVINGS = Number(process.env['INTERLEAVINGS'] ?? 150);

/** RFC 8032 §7.1, test 1. */
const PUBLIC_KEY = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';

describe('LedgerAppender', () => {
  it('numbers events from 0, without gaps and in the order given', async () => {
    const entries = new InMemoryEntries();
    const events = eventsOf(TENANT, 5);
    const recorded = await appenderOver(entries).append(events);
    expect(recorded).toEqual(events.map(({ id }, seq) => ({ id, seq })));
    verify(entries);
  });

  it('commits what arrives during a flush in one insert', async () => {
    const entries = new InMemoryEntries();
    const appender = appenderOver(entries);
    await Promise.all(eventsOf(TENANT, 64).map((event) => appender.append([event])));
    expect(entries.inserts).toEqual([64]);
    verify(entries);
  });

  it('gives a repeated event its old seq, within a flush and later', async () => {
    const entries = new InMemoryEntries();
    const appender = appenderOver(entries);
    const [first, second] = eventsOf(TENANT, 2);
    const both = await Promise.all([appender.append([first!, second!]), appender.append([first!])]);
    expect(both[1]).toEqual([{ id: first!.id, seq: 0 }]);
    expect(await appenderOver(entries).append([second!])).toEqual([{ id: second!.id, seq: 1 }]);
    expect(entries.size).toBe(2);
    verify(entries);
  });

  describe('when an id comes back with other bytes', () => {
    it.each(['in the same flush', 'later'] as const)('rejects with AUDIT.EVENT_CONFLICT %s', async (when) => {
      const entries = new InMemoryEntries();
      const appender = appenderOver(entries);
      const [event] = eventsOf(TENANT, 1);
      const [other] = eventsOf(TENANT, 1, { id: event!.id, ts: '2026-01-02T03:04:05.000Z' });
      const first = appender.append([event!]);
      if (when === 'later') await first;
      await expect(appender.append([other!])).rejects.toMatchObject({ code: 'AUDIT.EVENT_CONFLICT' });
      await first;
      expect(entries.size).toBe(1);
      verify(entries);
    });
  });

  describe('when the ledger is suspended', () => {
    it('rejects what was given and appends nothing', async () => {
      const entries = new InMemoryEntries();
      const suspended = Object.assign(new Error('suspended'), { code: 'AUDIT.SUSPENDED' });
      const appender = appenderOver(entries, { assertOpen: () => Promise.reject(suspended) });
      await expect(appender.append(eventsOf(TENANT, 3))).rejects.toBe(suspended);
      expect(entries.size).toBe(0);
    });
  });

  describe('when the store never answers an insert', () => {
    it('rejects with AUDIT.OUTCOME_UNKNOWN, and goes on when it answers again', async () => {
      const entries = new InMemoryEntries();
      entries.faults = Array.from({ length: 12 }, (): Fault => 'lost');
      const appender = appenderOver(entries);
      const events = eventsOf(TENANT, 2);
      await expect(appender.append(events)).rejects.toMatchObject({ code: 'AUDIT.OUTCOME_UNKNOWN' });
      expect(await appender.append(events)).toHaveLength(2);
      verify(entries);
    });
  });

  describe.each(['lost', 'kept', 'half kept', 'kept late'] as const)('when a write was %s', (fault) => {
    it('acknowledges what is there, once, and forks nothing', async () => {
      const entries = new InMemoryEntries();
      const appender = appenderOver(entries);
      await appender.append(eventsOf(TENANT, 3));
      entries.faults = [fault];
      const events = eventsOf(TENANT, 6);
      const recorded = await appender.append(events);
      await entries.settled();
      await appender.append(eventsOf(TENANT, 2));
      expect(recorded.map(({ id }) => entries.seqOf(id))).toEqual(recorded.map(({ seq }) => seq));
      expect(entries.size).toBe(11);
      verify(entries);
    });
  });

  it(
    'under any interleaving of writers, faults and repetitions: nothing missing, doubled or forked',
    async () => {
      const fault = fc.option(fc.constantFrom<Fault>('lost', 'kept', 'half kept', 'kept late'), { nil: undefined });
      await fc.assert(
        fc.asyncProperty(
          fc.scheduler(),
          fc.array(fc.record({ writer: fc.nat(3), events: fc.integer({ min: 1, max: 4 }), again: fc.boolean() }), {
            minLength: 1,
            maxLength: 12,
          }),
          fc.array(fault, { maxLength: 8 }),
          fc.infiniteStream(fc.boolean()),
          async (scheduler, calls, faults, turned) => {
            const entries = new InMemoryEntries(scheduler);
            entries.faults = faults;
            // Turns that come and go at will, and hand over heads that others may have gone beyond.
            let left: Head | undefined;
            const turns: AppenderPorts['turns'] = {
              take: async () => (turned.next().value ? { head: left } : 'go on'),
              contended: () => {},
              giveBack: (head) => (left = head ?? left),
            };
            const writers = Array.from({ length: 4 }, () => appenderOver(entries, { turns }));
            const acknowledged: { id: string; seq: number }[] = [];
            const running = calls.map(async ({ writer, events, again }) => {
              const given = eventsOf(TENANT, events);
              const attempts = [writers[writer]!.append(given)];
              if (again) attempts.push(writers[(writer + 1) % 4]!.append(given));
              for (const attempt of await Promise.allSettled(attempts)) {
                if (attempt.status === 'fulfilled') acknowledged.push(...attempt.value);
                else expect(attempt.reason).toMatchObject({ code: 'AUDIT.OUTCOME_UNKNOWN' });
              }
            });
            await scheduler.waitFor(Promise.all(running));
            await scheduler.waitFor(entries.settled());
            for (const { id, seq } of acknowledged) expect(entries.seqOf(id)).toBe(seq);
            verify(entries);
          },
        ),
        { numRuns: INTERLEAVINGS },
      );
    },
    60_000 + 60 * INTERLEAVINGS,
  );
});
