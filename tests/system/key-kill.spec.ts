import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseNote, verifierKeyText } from '#libs/ledger';
import { startRoom, TENANT } from '../../apps/server/src/audit/audit-room.fixture.js';
import { AuditKeys } from '../../apps/server/src/audit/keys/audit-keys.js';
import { KeyChanges } from '../../apps/server/src/audit/keys/key-changes.js';
import { CheckpointSigner } from '../../apps/server/src/audit/checkpoints/checkpoint-signer.js';
import { Checkpoints } from '../../apps/server/src/audit/storage/checkpoints.store.js';
import { startProgram } from './program.fixture.js';

/** 1 in the gate, 30 for a release. */
const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 1);
const MINUTE = 60_000;
const LEDGERS = [TENANT, 'system'];
const originOf = (tenant: string): string => `assay.test/ledger/${tenant}`;

describe('kill -9 of a process that rotates its note key', () => {
  it(
    'leaves every size with one key, every key in order, and a ledger that verifies with the first key pinned',
    async () => {
      const dataDir = await mkdtemp(join(tmpdir(), 'assay-audit-'));
      try {
        const made: string[] = [];
        for (let round = 0; round < ROUNDS; round++) {
          const rotator = startProgram('key-rotator.mjs', { dataDir });
          try {
            await rotator.told(1 + Math.floor(Math.random() * 3));
            // Between two steps of a rotation: the moment itself is what is varied.
            await sleep(Math.random() * 300);
          } finally {
            await rotator.kill();
          }
          made.push(...rotator.lines);
        }
        await assertSound(dataDir, made);
      } finally {
        await rm(dataDir, { recursive: true, force: true });
      }
    },
    (ROUNDS + 1) * MINUTE,
  );
});

async function assertSound(dataDir: string, made: readonly string[]): Promise<void> {
  const room = await startRoom({ dataDir });
  try {
    const [keys, changes] = [room.module.get(AuditKeys), room.module.get(KeyChanges)];
    await room.record(1);
    for (const tenant of LEDGERS) {
      const ledger = { _id: tenant, origin: originOf(tenant) };
      let state = 'not asked';
      for (let turns = 0; state !== 'nothing_new' && turns < 20; turns++) {
        await changes.turn(ledger);
        ({ state } = await room.module.get(CheckpointSigner).sign(ledger));
      }
      expect(state).toBe('nothing_new');
      const ids = keys.verifierKeys(tenant, ledger.origin).map(({ keyId }) => keyId);
      const stored = await room.module.get(Checkpoints).collection.find({ tenant }).sort({ size: 1 }).toArray();
      const signers = stored.map(({ note }) => parseNote(note).signatures.map(({ keyId }) => ids.indexOf(keyId)));
      expect(signers.filter((of) => of.length !== 1 || of[0]! < 0)).toEqual([]);
      expect(signers.flat()).toEqual(signers.flat().sort((a, b) => a - b));
    }
    // Every key that was told of is there, and what was under way at the kill was finished or never begun.
    expect(keys.keys.map(({ id }) => id)).toEqual(expect.arrayContaining([...made]));
    await room.record(1);
    await room.sign();
    // The first rotation may have been before the ledger: its first key is the one that began it.
    const began = (await keys.rangesOf(TENANT)).note[0]!.id;
    const first = keys.verifierKeyOf(keys.key(began), originOf(TENANT));
    expect(await room.verify([verifierKeyText(first)])).toMatchObject({
      tier: 'consistent',
      keys: 'pinned',
      breaks: [],
    });
  } finally {
    await room.close();
  }
}
