import fc from 'fast-check';
import { InMemoryArchive, TENANT, type Fate, type Fault } from './in-memory-archive.fixture.js';

const RUNS = Number(process.env['INTERLEAVINGS'] ?? 20);
const HOUR_MS = 3_600_000;
const BEGIN = Date.UTC(2026, 5, 1);
/** More than a run has: some fates let it live. */
const STEPS = 60;

const fate: fc.Arbitrary<Fate> = fc.record({
  diesAt: fc.option(fc.nat(STEPS), { nil: undefined }),
  faults: fc.array(fc.option(fc.constantFrom<Fault>('lost', 'kept'), { nil: undefined, freq: 4 }), { maxLength: 12 }),
});

describe('runs of the archive', () => {
  it('finish, from a death before any step, what is then archived once', async () => {
    let lived = false;
    for (let diesAt = 0; !lived; diesAt++) {
      const world = new InMemoryArchive();
      lived = await run(world, { diesAt, faults: [] }, 0);
      await expectSound(world);
      expect(diesAt).toBeLessThan(STEPS);
    }
  });

  it(
    'lose and double nothing in any order, with deaths and writes that fail, and no lease between them',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), fc.array(fate, { minLength: 2, maxLength: 3 }), async (scheduler, fates) => {
          const world = new InMemoryArchive(scheduler);
          const runs = fates.map((each, i) => run(world, each, i));
          await scheduler.waitFor(Promise.all(runs));
          await scheduler.waitFor(expectSound(world));
        }),
        { numRuns: RUNS },
      );
    },
    30_000 + 300 * RUNS,
  );
});

/** Whether it came to an end. Each process has a clock of its own. */
async function run(world: InMemoryArchive, given: Fate, nth: number): Promise<boolean> {
  try {
    await world.process(given).runOnce(TENANT, new Date(BEGIN + nth));
    return true;
  } catch {
    return false;
  }
}

/** The next run goes on, whatever was left; then every entry is in one place. */
async function expectSound(world: InMemoryArchive): Promise<void> {
  const next = world.process();
  while ((await next.runOnce(TENANT, new Date(BEGIN + HOUR_MS))).eventCount > 0);
  expect(world.lost).toEqual([]);
  expect(world.batches.map(({ startSeq, endSeq, state }) => ({ startSeq, endSeq, state }))).toEqual([
    { startSeq: 0, endSeq: 255, state: 'done' },
  ]);
  expect([...world.hot.keys()]).toEqual(Array.from({ length: 44 }, (_, i) => 256 + i));
}
