import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Checkpoints } from '../../apps/server/src/audit/storage/checkpoints.store.js';
import { startRoom, TENANT } from '../../apps/server/src/audit/audit-room.fixture.js';
import { chosen, inDataFolder, killedAt } from './killed-at.fixture.js';

/** What is there when the process is killed before this step; the second turn of the ledger, so that there is a first. */
const STEPS = [
  { step: 'mark', marks: ['1-0000000000000200'], signed: 200, published: 200 },
  { step: 'sign', marks: ['1-0000000000000200', '1-0000000000000300'], signed: 200, published: 200 },
  { step: 'persist', marks: ['1-0000000000000200', '1-0000000000000300'], signed: 200, published: 200 },
  { step: 'cover', marks: ['1-0000000000000200', '1-0000000000000300'], signed: 300, published: 200 },
  { step: 'publish', marks: ['1-0000000000000200', '1-0000000000000300'], signed: 300, published: 200 },
  { step: 'forget', marks: ['1-0000000000000200', '1-0000000000000300'], signed: 300, published: 300 },
  { step: 'end', marks: ['1-0000000000000300'], signed: 300, published: 300 },
];

describe('kill -9 of a process that signs', () => {
  it.each(chosen(STEPS, 1))('before $step: the next one signs one history and publishes it', ({ step, ...left }) =>
    inDataFolder(async (dataDir) => {
      await killedAt('signing-steps.mjs', { dataDir, step });
      const room = await startRoom({ dataDir });
      try {
        const checkpoints = room.module.get(Checkpoints);
        expect({
          marks: (await readdir(join(dataDir, 'keys', 'high-water', TENANT))).sort(),
          signed: await checkpoints.newestSize(TENANT),
          published: await checkpoints.publishedSize(TENANT),
        }).toEqual(left);
        const unsigned = await room.sign();
        expect(unsigned).toEqual({ state: left.published === 300 ? 'nothing_new' : 'signed', size: 300 });
        await room.record(1, 300);
        expect(await room.sign()).toEqual({ state: 'signed', size: 301 });
        expect(await checkpoints.publishedSize(TENANT)).toBe(301);
        expect(await room.verify()).toMatchObject({ tier: 'consistent', breaks: [], size: 301, unsealed: null });
      } finally {
        await room.close();
      }
    }),
  );
});
