import fc from 'fast-check';
import { InMemorySigning, ORIGIN, type Fate, type Fault } from './in-memory-signing.fixture.js';
import { contradictionOf, signingTurn, type Signed } from './signing-turn.js';

const LEDGER = { origin: ORIGIN, incarnation: 1 };
const RUNS = Number(process.env['INTERLEAVINGS'] ?? 60);
/** More than a turn has: some fates let it live. */
const STEPS = 24;

const fate: fc.Arbitrary<Fate> = fc.record({
  diesAt: fc.option(fc.nat(STEPS), { nil: undefined }),
  faults: fc.array(fc.option(fc.constantFrom<Fault>('lost', 'kept', 'kept late'), { nil: undefined, freq: 3 }), {
    maxLength: 6,
  }),
});

describe('signingTurn', () => {
  it('signs what there is, publishes it, and then finds nothing new', async () => {
    const world = new InMemorySigning();
    expect(await signingTurn(LEDGER, world.signer())).toEqual({ state: 'nothing_new', size: 0 });
    world.append(3);
    expect(await signingTurn(LEDGER, world.signer())).toEqual({ state: 'signed', size: 3 });
    expect(await signingTurn(LEDGER, world.signer())).toEqual({ state: 'nothing_new', size: 3 });
    expect({ published: world.content.published, marks: [...world.marks.keys()] }).toEqual({
      published: 3,
      marks: [3],
    });
  });

  it('publishes after a death at any step, with the tree that was marked as a prefix', async () => {
    let lived = false;
    for (let diesAt = 0; !lived; diesAt++) {
      const world = new InMemorySigning();
      world.append(2);
      await signingTurn(LEDGER, world.signer());
      world.append(3);
      lived = (await turnOf(world, { diesAt, faults: [] })) !== 'failed';
      world.append(1);
      expect(await signingTurn(LEDGER, world.signer())).toEqual({ state: 'signed', size: 6 });
      expectSound(world);
      expect(diesAt).toBeLessThan(STEPS);
    }
  });

  it('takes a checkpoint of another machine, whose marks are elsewhere, for its base', async () => {
    const world = new InMemorySigning();
    world.append(4);
    await signingTurn(LEDGER, world.signer());
    world.marks.clear();
    world.append(2);
    expect(await signingTurn(LEDGER, world.signer())).toEqual({ state: 'signed', size: 6 });
    expectSound(world);
  });

  it.each([
    ['is shorter than the mark', 3, 0],
    ['has grown again to the length of the mark', 3, 3],
    ['has grown again beyond the mark', 3, 9],
  ])('does not sign a store that %s', async (_what, kept, grownBy) => {
    const world = new InMemorySigning();
    world.append(kept);
    await signingTurn(LEDGER, world.signer());
    const backup = world.copy();
    world.append(3);
    await signingTurn(LEDGER, world.signer());
    world.content = backup;
    world.append(grownBy);
    expect(await signingTurn(LEDGER, world.signer())).toMatchObject({ state: 'contradicted' });
    expect(await contradictionOf(LEDGER, world.signer())).toMatch(/6 were signed|seq 5 is not the one/);
    expect(world.signed.map(({ size }) => size)).toEqual([3, 6]);
  });

  it('does not sign when another machine signed more than there is, or something else', async () => {
    const world = new InMemorySigning();
    world.append(4);
    await signingTurn(LEDGER, world.signer());
    const { checkpoints } = world.content;
    world.content = { entries: [], checkpoints, published: 4 };
    world.marks.clear();
    world.append(3);
    expect(await signingTurn(LEDGER, world.signer())).toMatchObject({
      reason: 'the store has 3 entries, 4 were signed',
    });
    world.append(2);
    expect(await signingTurn(LEDGER, world.signer())).toMatchObject({ reason: 'another tree of size 4 is signed' });
  });

  it('finds a published checkpoint that is gone', async () => {
    const world = new InMemorySigning();
    world.append(4);
    await signingTurn(LEDGER, world.signer());
    world.content.checkpoints.clear();
    const reason = 'the checkpoint of size 4 was published and is missing';
    expect(await signingTurn(LEDGER, world.signer())).toEqual({ state: 'contradicted', reason });
  });

  it(`in ${RUNS} interleavings of signers that die and writes that fail signs one history and publishes all of it`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fate, { minLength: 2, maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
        async (scheduler, fates, appends) => {
          const world = new InMemorySigning(scheduler);
          const turns = fates.map(async (one) => [await turnOf(world, one), await turnOf(world, { faults: [] })]);
          const appended = appends.map((count) =>
            scheduler.schedule(Promise.resolve(), 'append').then(() => world.append(count)),
          );
          const states = (await scheduler.waitFor(Promise.all(turns))).flat();
          await scheduler.waitFor(Promise.all(appended).then(() => world.settled()));
          expect(states).not.toContain('contradicted');
          expectSound(world);
          await scheduler.waitFor(signingTurn(LEDGER, world.signer()));
          expect(world.content.published).toBe(world.content.entries.length);
          expectSound(world);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it(`in ${RUNS} interleavings with a restored backup signs nothing that contradicts what was signed`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fate, { minLength: 2, maxLength: 4 }),
        fc.record({ before: fc.nat(3), after: fc.nat(3), again: fc.nat(6) }),
        async (scheduler, fates, { before, after, again }) => {
          const world = new InMemorySigning(scheduler);
          world.append(before);
          const backup = world.copy();
          world.append(after);
          const restored = scheduler.schedule(Promise.resolve(), 'restore').then(() => {
            world.content = backup;
            world.append(again);
          });
          const turns = fates.map((one) => turnOf(world, one).then(() => turnOf(world, { faults: [] })));
          await scheduler.waitFor(Promise.all([...turns, restored]).then(() => world.settled()));
          await scheduler.waitFor(turnOf(world, { faults: [] }));
          expectSound(world);
        },
      ),
      { numRuns: RUNS },
    );
  });
});

async function turnOf(world: InMemorySigning, one: Fate): Promise<Signed['state'] | 'failed'> {
  return signingTurn(LEDGER, world.signer(one)).then(
    ({ state }) => state,
    () => 'failed',
  );
}

/** No two signed trees that are not one history; nothing signed that no mark has as a prefix; nothing published taken back. */
function expectSound(world: InMemorySigning): void {
  const signed = [...world.signed].sort((a, b) => a.size - b.size);
  for (const [index, one] of signed.entries()) {
    const longer = signed[index + 1];
    if (longer) expect({ one: one.size, of: longer.size, is: world.isPrefix(one, longer) }).toMatchObject({ is: true });
  }
  // A signer that found a contradiction leaves a mark of another history beside it: then nobody signs any more.
  const largest = signed.at(-1);
  if (largest) expect([...world.marks.values()].some((mark) => world.isPrefix(largest, mark))).toBe(true);
  expect(world.wentBack).toEqual([]);
}
