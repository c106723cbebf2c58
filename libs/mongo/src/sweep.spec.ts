import { Sweep } from './sweep.js';

const TEN_MINUTES_MS = 600_000;

describe('Sweep', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it.each([
    ['the embedded engine serves one process: at start everything is abandoned', true, [0, 5_000, 5_000]],
    ['a server serves many: only what is old enough is abandoned', false, [5_000, 5_000, 5_000]],
  ])('%s', async (_why, embedded, expected) => {
    const ages: number[] = [];
    const sweep = new Sweep({ embedded }, 5_000, async (ageMs) => ages.push(ageMs));
    await sweep.start();
    await jest.advanceTimersByTimeAsync(2 * TEN_MINUTES_MS);
    await sweep.stop();
    await jest.advanceTimersByTimeAsync(TEN_MINUTES_MS);
    expect(ages).toEqual(expected);
  });

  it('goes on after a sweep that failed', async () => {
    const work = jest.fn().mockRejectedValueOnce(new Error('away')).mockResolvedValue(undefined);
    const sweep = new Sweep({ embedded: true }, 5_000, work);
    await sweep.start();
    await jest.advanceTimersByTimeAsync(TEN_MINUTES_MS);
    await sweep.stop();
    expect(work).toHaveBeenCalledTimes(2);
  });

  it('stops only when the running sweep has ended', async () => {
    let end: () => void = () => undefined;
    const order: string[] = [];
    const work = jest
      .fn()
      .mockResolvedValueOnce(undefined)
      .mockImplementation(() => new Promise<void>((resolve) => (end = resolve)).then(() => order.push('swept')));
    const sweep = new Sweep({ embedded: true }, 5_000, work);
    await sweep.start();
    await jest.advanceTimersByTimeAsync(TEN_MINUTES_MS);
    const stopped = sweep.stop().then(() => order.push('stopped'));
    end();
    await stopped;
    expect(order).toEqual(['swept', 'stopped']);
  });
});
