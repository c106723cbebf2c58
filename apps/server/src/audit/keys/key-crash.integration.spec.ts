import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandBus } from '@nestjs/cqrs';
import { parseNote, verifierKeyText } from '#libs/ledger';
import { Log } from '#libs/telemetry';
import { startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import type { Requester } from '../audit.types.js';
import { WholeLedger } from '../tiers/whole-ledger.js';
import { CheckpointSigner } from '../checkpoints/checkpoint-signer.js';
import { HighWaterFiles } from '../checkpoints/high-water-files.js';
import { RotateKey } from '../commands/rotate-key.command.js';
import { RotateKeyHandler } from '../commands/rotate-key.handler.js';
import { Settings } from '../../settings.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { KeyStatements } from '../storage/key-statements.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { LedgerKeys } from '../storage/ledger-keys.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { TileWriter } from '../tiles/tile-writer.js';
import { AuditKeys } from './audit-keys.js';
import { KeyChanges } from './key-changes.js';
import { KeyUse } from './key-use.js';
import { PublicKeys } from './public-keys.js';

const LEDGER = { _id: TENANT, origin: `assay.test/ledger/${TENANT}` };
const SYSTEM_LEDGER = { _id: 'system', origin: 'assay.test/ledger/system' };
const OPERATOR: Requester = { tenant: TENANT, actor: { type: 'operator', id: 'olga' } };
const DIED = new Error('the process died');

/** The parts of a process that hold anything about keys in memory. */
interface Signing {
  keys: AuditKeys;
  changes: KeyChanges;
  rotate: () => Promise<unknown>;
  sign: (ledger?: typeof LEDGER) => Promise<{ state: string }>;
}

/** How far a rotation gets before the process dies, and whether it was begun at all. */
const DEATHS: [string, begun: boolean, (signing: Signing) => Promise<unknown>][] = [
  [
    'the file of the new key is there and the ring does not know it',
    false,
    async ({ keys, rotate }) => {
      jest.spyOn(keys as unknown as { keepRing: () => Promise<void> }, 'keepRing').mockRejectedValueOnce(DIED);
      await expect(rotate()).rejects.toBe(DIED);
    },
  ],
  [
    'the ring knows the key and no ledger says so',
    true,
    async ({ changes, rotate }) => {
      jest.spyOn(changes, 'record').mockRejectedValueOnce(DIED);
      await expect(rotate()).rejects.toBe(DIED);
    },
  ],
  ['the system ledger says so and this one does not', true, ({ rotate }) => rotate()],
  [
    'this ledger says so and no checkpoint covers that',
    true,
    async ({ changes, rotate }) => {
      await rotate();
      await changes.turn(LEDGER);
    },
  ],
  [
    'a checkpoint covers it and the old key is to sign what comes',
    true,
    async ({ keys, changes, rotate, sign }) => {
      await rotate();
      await changes.turn(LEDGER);
      await sign();
      jest.spyOn(keys, 'moveTo').mockRejectedValueOnce(DIED);
      await changes.turn(LEDGER);
    },
  ],
  [
    'the new key is to sign what comes and has signed nothing',
    true,
    async ({ changes, rotate, sign }) => {
      await rotate();
      await changes.turn(LEDGER);
      await sign();
      await changes.turn(LEDGER);
    },
  ],
];

describe('a rotation whose process dies', () => {
  let room: AuditRoom;
  beforeAll(async () => {
    room = await startRoom();
    await room.record(2);
    await settled(await started());
  });
  afterAll(() => room.remove());

  /** What a restart forgets is made anew; the store and the files stay. */
  async function started(): Promise<Signing> {
    const { module } = room;
    const settings = module.get(Settings);
    const [ledgers, entries, checkpoints] = [module.get(Ledgers), module.get(LedgerEntries), module.get(Checkpoints)];
    const [marks, commands] = [module.get(HighWaterFiles), module.get(CommandBus)];
    const keys = await AuditKeys.load(settings, { signs: true });
    const publicKeys = new PublicKeys(keys, module.get(LedgerKeys), settings);
    const changes = new KeyChanges(
      keys,
      publicKeys,
      ledgers,
      entries,
      module.get(KeyStatements),
      checkpoints,
      marks,
      commands,
      module.get(Log),
    );
    const handler = new RotateKeyHandler(
      keys,
      changes,
      new KeyUse(keys, ledgers, checkpoints),
      ledgers,
      checkpoints,
      commands,
    );
    const signer = new CheckpointSigner(
      settings,
      keys,
      entries,
      checkpoints,
      module.get(TileWriter),
      marks,
      module.get(WholeLedger),
    );
    return {
      keys,
      changes,
      rotate: () => handler.execute(new RotateKey('note', undefined, OPERATOR)),
      sign: (ledger = LEDGER) => signer.sign(ledger),
    };
  }

  async function settled({ changes, sign }: Signing): Promise<void> {
    for (const ledger of [LEDGER, SYSTEM_LEDGER]) {
      let state = 'not asked';
      for (let turns = 0; state !== 'nothing_new' && turns < 20; turns++) {
        await changes.turn(ledger);
        ({ state } = await sign(ledger));
      }
      expect(state).toBe('nothing_new');
    }
  }

  /** Which key, by its place in the ring, signed each size, in order of size. */
  async function signers(keys: AuditKeys): Promise<number[]> {
    const ids = keys.verifierKeys(TENANT, LEDGER.origin).map(({ keyId }) => keyId);
    const stored = await room.module.get(Checkpoints).collection.find({ tenant: TENANT }).sort({ size: 1 }).toArray();
    return stored.map(({ note }) => {
      const by = parseNote(note).signatures.map(({ keyId }) => ids.indexOf(keyId));
      expect(by).toHaveLength(1);
      return by[0]!;
    });
  }

  it.each(DEATHS)('when %s, is finished after the next start', async (_, begun, dies) => {
    const before = (await started()).keys.verifierKeys(TENANT, LEDGER.origin).length;
    await dies(await started());
    const next = await started();
    if (!begun) await next.rotate();
    await settled(next);
    await room.record(1);
    await settled(next);
    expect(next.keys.verifierKeys(TENANT, LEDGER.origin)).toHaveLength(before + 1);
    const by = await signers(next.keys);
    expect(by).toEqual([...by].sort((a, b) => a - b));
    expect(by.at(-1)).toBe(before);
  });

  it('leaves files that only their owner can use', async () => {
    const folder = join(room.dataDir, 'keys');
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    const modes = await Promise.all(
      files
        .filter((file) => file.isFile())
        .map(async (file) => (await stat(join(file.parentPath, file.name))).mode & 0o777),
    );
    expect(modes.length).toBeGreaterThan(DEATHS.length);
    expect(new Set(modes)).toEqual(new Set([0o600]));
  });

  it('leaves a ledger that verifies with the first key pinned alone', async () => {
    const { keys } = await started();
    const [first] = keys.verifierKeys(TENANT, LEDGER.origin);
    await room.close();
    room = await startRoom({ dataDir: room.dataDir });
    const report = await room.verify([verifierKeyText(first!)]);
    expect(report).toMatchObject({ tier: 'consistent', keys: 'pinned', breaks: [] });
    expect(report.keys_used.length).toBeGreaterThan(DEATHS.length);
  });
});
