import { setImmediate } from 'node:timers/promises';
import type { Log } from '#libs/telemetry';
import type { StartCheck } from '../checkpoints/start-check.js';
import type { Erasures } from '../storage/erasures.store.js';
import type { ErasureReplay } from './erasure-replay.js';
import { ErasureTask } from './erasure-task.js';
import type { Erasure } from './erasure.types.js';
import type { Erasing } from './erasing.js';

describe('ErasureTask.replayNow', () => {
  it('destroys every key that is there again, some at a time, and none less because of one that fails', async () => {
    const again = Array.from({ length: 200 }, (_, i) => ({ _id: `e-${i}`, tenant: 'acme' }) as Erasure);
    const replay = { look: async () => ({ receipts: 0, invalid: [], again, failures: new Map() }) };
    const done: string[] = [];
    let [now, most] = [0, 0];
    const destroy = async (erasure: Erasure): Promise<Erasure> => {
      most = Math.max(most, ++now);
      await setImmediate();
      now -= 1;
      done.push(erasure._id);
      if (erasure._id === 'e-7') throw new Error('not now');
      return erasure;
    };
    const task = new ErasureTask(
      { roles: [] },
      {} as Erasures,
      { destroy } as unknown as Erasing,
      replay as unknown as ErasureReplay,
      {} as StartCheck,
      { warn: () => undefined } as unknown as Log,
    );
    await task.replayNow();
    expect(done.toSorted()).toEqual(again.map(({ _id }) => _id).toSorted());
    expect(most).toBeLessThanOrEqual(64);
  });
});
