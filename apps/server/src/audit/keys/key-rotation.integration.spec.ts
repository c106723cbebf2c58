import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandBus, QueryBus, type Command } from '@nestjs/cqrs';
import {
  noteSigner,
  parseEvent,
  parseNote,
  signNote,
  verifierKeyText,
  type LedgerEvent,
  type StoredEntry,
} from '#libs/ledger';
import { startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import { ArchiveRun } from '../archive/archive-run.js';
import type { Requester } from '../audit.types.js';
import { CheckpointSigner } from '../checkpoints/checkpoint-signer.js';
import { MarkKeyCompromised } from '../commands/mark-key-compromised.command.js';
import { RecordFact } from '../commands/record-fact.command.js';
import { RetireKey } from '../commands/retire-key.command.js';
import { RotateKey, type RotatedPurpose } from '../commands/rotate-key.command.js';
import { ListKeys } from '../queries/list-keys.query.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { AuditKeys } from './audit-keys.js';
import { KeyChanges } from './key-changes.js';

const ORIGIN = `assay.test/ledger/${TENANT}`;
const OPERATOR: Requester = { tenant: TENANT, actor: { type: 'operator', id: 'olga' } };

describe('the keys of a ledger', () => {
  let room: AuditRoom;
  beforeEach(async () => (room = await startRoom()));
  afterEach(() => room.remove());

  const keys = () => room.module.get(AuditKeys);
  const act = <T>(command: Command<T>): Promise<T> => room.module.get(CommandBus).execute(command);
  const rotate = (purpose: RotatedPurpose = 'note', tenant?: string) => act(new RotateKey(purpose, tenant, OPERATOR));
  /** What the signing task does with a ledger, four times a second. */
  const turn = async (tenant = TENANT) => {
    const ledger = { _id: tenant, origin: `assay.test/ledger/${tenant}` };
    await room.module.get(KeyChanges).turn(ledger);
    return room.module.get(CheckpointSigner).sign(ledger);
  };
  /** Until nothing waits and nothing is unsigned. */
  const settled = async (tenant = TENANT) => {
    for (let turns = 0; (await turn(tenant)).state === 'signed'; turns++)
      if (turns > 20) throw new Error('never still');
  };
  const restarted = async () => {
    await room.close();
    room = await startRoom({ dataDir: room.dataDir });
  };
  const said = async (tenant: string, kind: string): Promise<LedgerEvent[]> => {
    const entries = room.store
      .collection<StoredEntry>('ledger_entries')
      .find({ tenant, kind }, { promoteBuffers: true })
      .sort({ seq: 1 });
    return (await entries.toArray()).map(({ bytes }) => parseEvent(bytes));
  };
  const signersBySize = async (): Promise<Map<number, string>> => {
    const { collection } = room.module.get(Checkpoints);
    const all = await collection.find({ tenant: TENANT }).sort({ size: 1 }).toArray();
    return new Map(
      all.map(({ size, note }) => [
        size,
        parseNote(note)
          .signatures.map(({ keyId }) => keyId)
          .join(),
      ]),
    );
  };
  /** What somebody pinned who looked before the first rotation. */
  const firstKey = () => verifierKeyText(keys().verifierKeys(TENANT, ORIGIN)[0]!);
  const noteIds = () =>
    keys()
      .verifierKeys(TENANT, ORIGIN)
      .map(({ keyId }) => keyId);

  it('are said in it before the first checkpoint, once, and in the system ledger', async () => {
    await room.record(1);
    await settled();
    await settled('system');
    await restarted();
    await settled();
    const activations = await said(TENANT, 'key.activated');
    expect(activations.map(({ data }) => [data!['purpose'], data!['key_id'], data!['from_size']])).toEqual([
      ['note', noteIds()[0], 0],
      ['cosignature', keys().cosignerKeys()[0]!.keyId, 0],
      ['mac', keys().macIds.current, 0],
    ]);
    expect((await said('system', 'key.activated')).map(({ data }) => data!['purpose'])).toEqual([
      'note',
      'cosignature',
      'mac',
    ]);
    expect(await room.verify([firstKey()])).toMatchObject({
      tier: 'consistent',
      keys: 'pinned',
    });
  });

  it('are not said again when what was said is archived', async () => {
    await settled();
    await room.record(300);
    await settled();
    const run = await room.module.get(ArchiveRun).runOnce(TENANT, new Date(Date.now() + 91 * 86_400_000));
    expect(run).toMatchObject({ startSeq: 0, endSeq: 255 });
    expect(await said(TENANT, 'key.activated')).toEqual([]);
    await restarted();
    await settled();
    expect(await said(TENANT, 'key.activated')).toEqual([]);
    // Within the hour it would be refused, as it has the id of what is archived.
    expect(room.lines.filter((line) => line.includes('audit.key_change_failed'))).toEqual([]);
  });

  it('of the archive are rotated by order: new batches take the new one, and the old one stays', async () => {
    const { id: first } = await rotate('archive');
    const { id: second } = await rotate('archive');
    const ring = await keys().archiveRing();
    expect({ current: ring!.current, ids: ring!.ids }).toEqual({ current: second, ids: [first, second] });
    const activations = (await said('system', 'key.activated')).filter(({ data }) => data!['purpose'] === 'archive');
    expect(activations.map(({ data }) => data!['key_id'])).toEqual([first, second]);
    expect((await room.module.get(QueryBus).execute(new ListKeys(OPERATOR))).archive).toEqual({
      current: second,
      all: [first, second],
    });
  });

  it('are followed by new ones only after a checkpoint of the old one over the new one', async () => {
    await room.record(3);
    await settled();
    const { id } = await rotate();
    expect(keys().keys.at(-1)).toMatchObject({ id, purpose: 'note' });
    await settled();
    await room.record(2, 3);
    await settled();
    const [old, fresh] = noteIds();
    const signers = [...(await signersBySize())];
    const activatedAt = (await room.stored()).findIndex(
      ({ bytes }) => parseEvent(bytes).data?.['key_id'] === fresh && parseEvent(bytes).kind === 'key.activated',
    );
    const first = signers.find(([, by]) => by === fresh)![0];
    expect(signers.map(([size, by]) => by === (size < first ? old : fresh))).not.toContain(false);
    expect(signers.some(([size, by]) => by === old && size > activatedAt)).toBe(true);
    expect(await room.verify([firstKey()])).toMatchObject({
      tier: 'consistent',
      keys: 'pinned',
      breaks: [],
    });
  });

  it('are not believed on the word of a pinned key that never signed it', async () => {
    await rotate();
    await room.record(3);
    await settled();
    const [elsewhere, own] = keys().verifierKeys(TENANT, ORIGIN).map(verifierKeyText);
    expect(await room.verify([own!])).toMatchObject({ tier: 'consistent', keys: 'pinned', breaks: [] });
    const { tier, breaks } = await room.verify([elsewhere!]);
    expect({ tier, breaks }).toMatchObject({
      tier: 'incomplete',
      breaks: [{ class: 'key_not_valid_then', verdict: 'cannot_check' }],
    });
  });

  it('are retired with the last size they signed, and their private half is gone', async () => {
    await room.record(3);
    await settled();
    await rotate();
    const [first] = keys().keys;
    await expect(act(new RetireKey(first!.id, OPERATOR))).rejects.toMatchObject({ code: 'AUDIT.KEY_IN_USE' });
    await settled();
    await settled('system');
    await act(new RetireKey(first!.id, OPERATOR));
    await settled();
    const signers = [...(await signersBySize())];
    const last = signers.filter(([, by]) => by === noteIds()[0]).at(-1)![0];
    expect((await said(TENANT, 'key.retired')).map(({ data }) => data)).toEqual([
      { key_id: noteIds()[0], purpose: 'note', to_size: last },
    ]);
    expect(await readdir(join(room.dataDir, 'keys'))).not.toContain('note.key');
    await restarted();
    await room.record(1, 9);
    await settled();
    await rotate();
    await settled();
    await room.record(1, 10);
    await settled();
    expect((await signersBySize()).get((await room.stored()).length)).toBe(noteIds()[2]);
    expect(await room.verify([firstKey()])).toMatchObject({
      tier: 'consistent',
      breaks: [],
    });
  });

  describe('when somebody has a retired key', () => {
    it('and signs a later size with it, verification says key_not_valid_then', async () => {
      await room.record(3);
      await settled();
      const stolen = Buffer.from(await readFile(join(room.dataDir, 'keys', 'note.key'), 'utf8'), 'base64');
      await rotate();
      await settled();
      await act(new RetireKey(keys().keys[0]!.id, OPERATOR));
      await settled();
      await room.record(1, 9);
      await settled();
      const { collection } = room.module.get(Checkpoints);
      const newest = (await room.module.get(Checkpoints).newest(TENANT))!;
      const note = signNote(parseNote(newest.note).text, noteSigner(ORIGIN, stolen));
      await collection.updateOne({ _id: newest._id }, { $set: { note } });
      const { tier, breaks } = await room.verify([firstKey()]);
      expect({ tier, breaks }).toMatchObject({
        tier: 'broken',
        breaks: [{ class: 'key_not_valid_then', checkpoint: newest.size }],
      });
    });
  });

  describe('when somebody who can write to the database activates a key of his own', () => {
    it('is not covered by ours: the signer refuses the entry', async () => {
      await room.record(3);
      await settled();
      const seed = Buffer.alloc(32, 7);
      const his = noteSigner(ORIGIN, seed);
      const data = { key_id: his.keyId, purpose: 'note', public_key_sha256: '0'.repeat(64), from_size: 0 };
      const actor = { type: 'system', id: 'ledger' } as const;
      await act(new RecordFact({ kind: 'key.activated', scope: { tenant: TENANT }, actor, data }));
      expect(await turn()).toEqual({
        state: 'contradicted',
        reason: expect.stringContaining(`key.activated of the note key ${his.keyId}`) as string,
      });
    });
  });

  it('are said to be compromised since a size, but only when another one signs', async () => {
    await room.record(3);
    await settled();
    const [first] = keys().keys;
    await expect(act(new MarkKeyCompromised(first!.id, 0, undefined, OPERATOR))).rejects.toMatchObject({
      code: 'AUDIT.KEY_IN_USE',
    });
    await rotate();
    await settled();
    await act(new MarkKeyCompromised(first!.id, 2, TENANT, OPERATOR));
    await settled();
    expect((await said(TENANT, 'key.compromised')).map(({ data }) => data)).toEqual([
      { key_id: noteIds()[0], purpose: 'note', since_size: 2 },
    ]);
    expect((await said('system', 'key.compromised')).map(({ data }) => data)).toEqual([
      { key_id: noteIds()[0], ledger: TENANT, purpose: 'note', since_size: 2 },
    ]);
  });
});
