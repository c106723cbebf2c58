import { CodedError } from '#libs/kernel';
import { SigningTask } from './signing-task.js';

class StoreError extends CodedError<'STORE.DOWN' | 'STORE.LOST'> {}

/** By the injected clock; ends early when the signal says so, as the real one does. */
async function sleep(ms = 0, _value?: unknown, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
  if (ms === 0) return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}

describe('the signing task', () => {
  let task: SigningTask;
  let warned: unknown[];
  let round: () => Promise<void>;
  const began: number[] = [];

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    const timers = jest.requireActual<{ setTimeout: typeof sleep }>('node:timers/promises');
    jest.spyOn(timers, 'setTimeout').mockImplementation(sleep);
    began.length = 0;
    warned = [];
    round = async () => {};
    const run = async (): Promise<void> => {
      began.push(Date.now());
      await round();
    };
    const lease = { name: 'ledger-signer', owner: 'me', token: 1, ms: 15_000 };
    task = new SigningTask(
      ...([
        { roles: ['ledger'], dataDir: '/nowhere' },
        { assertOrigins: async () => {}, all: async () => [] },
        { run: async () => {} },
        { run },
        { thin: async () => 0 },
        { idle: async () => {} },
        { acquire: async () => lease, renew: async () => true, release: async () => {} },
        { execute: async () => {} },
        { warn: (_action: string, fields: { error_code: string }) => warned.push(fields.error_code) },
      ] as unknown as ConstructorParameters<typeof SigningTask>),
    );
  });
  afterEach(async () => {
    const stopped = task.onApplicationShutdown();
    await jest.advanceTimersByTimeAsync(1_000);
    await stopped;
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  it('begins a round every 250 ms, however long one takes within that', async () => {
    round = () => sleep(100);
    await task.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(began).toEqual([0, 250, 500, 750, 1_000]);
  });

  it('begins the next round at once when one took longer', async () => {
    round = () => sleep(400);
    await task.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(began).toEqual([0, 400, 800]);
  });

  it('goes on after failures, and tells of each kind once in a row', async () => {
    const failures = ['STORE.DOWN', 'STORE.DOWN', undefined, 'STORE.DOWN', 'STORE.LOST'] as const;
    round = async () => {
      const code = failures[began.length - 1];
      if (code) throw new StoreError(code, 'no answer');
    };
    await task.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(began).toHaveLength(5);
    expect(warned).toEqual(['STORE.DOWN', 'STORE.DOWN', 'STORE.LOST']);
  });
});
