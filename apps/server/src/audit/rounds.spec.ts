import { Rounds } from './rounds.js';

const HOUR_MS = 3_600_000;

/** Rounds of which each ends when the test says so. */
function gatedRounds(pauseMs: number) {
  const begun: { end: () => void; fail: (error: Error) => void }[] = [];
  const failures: unknown[] = [];
  let told: () => void = () => undefined;
  const round = (): Promise<void> =>
    new Promise<void>((end, fail) => {
      begun.push({ end, fail });
      told();
    });
  const rounds = new Rounds(
    round,
    (error) => failures.push(error),
    () => pauseMs,
  );
  const nth = async (count: number) => {
    while (begun.length < count) await new Promise<void>((resolve) => (told = resolve));
    return begun[count - 1]!;
  };
  return { rounds, begun, failures, nth };
}

describe('Rounds', () => {
  it('go on after one that rejects, which is told', async () => {
    const { rounds, failures, nth } = gatedRounds(0);
    rounds.start();
    const error = new Error('as asked');
    (await nth(1)).fail(error);
    (await nth(2)).end();
    (await nth(3)).end();
    expect(failures).toEqual([error]);
    const stopped = rounds.stop();
    (await nth(3)).end();
    await stopped;
  });

  it('stop when the round under way has ended, and tell it to', async () => {
    const { rounds, begun, nth } = gatedRounds(HOUR_MS);
    rounds.start();
    const first = await nth(1);
    let stopped = false;
    const stopping = rounds.stop().then(() => (stopped = true));
    expect(rounds.signal.aborted).toBe(true);
    await new Promise(setImmediate);
    expect(stopped).toBe(false);
    first.end();
    await stopping;
    expect(begun).toHaveLength(1);
  });

  it('stop in a pause, however long it is', async () => {
    const { rounds, begun, nth } = gatedRounds(HOUR_MS);
    rounds.start();
    (await nth(1)).end();
    await new Promise(setImmediate);
    await rounds.stop();
    expect(begun).toHaveLength(1);
  });

  it('begin when they may, and never where they are stopped before', async () => {
    let ready: () => void = () => undefined;
    const waiting = gatedRounds(HOUR_MS);
    waiting.rounds.start(new Promise<void>((resolve) => (ready = resolve)));
    await new Promise(setImmediate);
    expect(waiting.begun).toHaveLength(0);
    ready();
    (await waiting.nth(1)).end();
    await waiting.rounds.stop();

    const never = gatedRounds(HOUR_MS);
    never.rounds.start(new Promise(() => undefined));
    await never.rounds.stop();
    expect(never.begun).toHaveLength(0);
  });
});
