import { QueryBus } from '@nestjs/cqrs';
import {
  formatProof,
  leafHash,
  parseCheckpoint,
  parseNote,
  verifyConsistency,
  verifyInclusion,
  verifyProof,
} from '#libs/ledger';
import type { VerifierKey } from '#libs/ledger';
import { startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { Tiles } from '../storage/tiles.store.js';
import { GetConsistency } from './get-consistency.query.js';
import { GetEventProof, type EventProof } from './get-event-proof.query.js';
import { GetEvent } from './get-event.query.js';
import { ListCheckpoints } from './list-checkpoints.query.js';

const SIZES = [100, 256, 400, 700];
const ORIGIN = `assay.test/ledger/${TENANT}`;

describe('proofs', () => {
  let room: AuditRoom;
  let ids: string[];
  let keys: VerifierKey[];
  beforeAll(async () => {
    room = await startRoom();
    for (const [i, size] of SIZES.entries()) {
      await room.record(size - (SIZES[i - 1] ?? 0));
      expect(await room.sign()).toMatchObject({ state: 'signed', size });
    }
    await room.record(5);
    ids = (await room.stored()).map(({ event_id }) => event_id);
    keys = room.module.get(AuditKeys).verifierKeys(TENANT, ORIGIN);
  });
  afterAll(() => room.remove());

  const proofOf = (seq: number, size?: number): Promise<EventProof> =>
    room.module.get(QueryBus).execute(new GetEventProof(TENANT, ids[seq]!, size));
  const rootAt = (note: string): Uint8Array => parseCheckpoint(parseNote(note).text).root;

  it('of an event hold against every published checkpoint that covers it', async () => {
    for (const seq of [0, 99, 100, 255, 256, 399, 511, 512, 699]) {
      for (const size of SIZES.filter((covering) => covering > seq)) {
        const { bytes, proof, checkpoint, leafHash: leaf } = await proofOf(seq, size);
        expect(leaf).toEqual(leafHash(bytes));
        verifyInclusion({ leafHash: leaf, index: seq, size, proof, root: rootAt(checkpoint) });
      }
      expect((await proofOf(seq)).size).toBe(700);
    }
  });

  it('are a file that needs nothing but the verifier key', async () => {
    const { seq, proof, checkpoint, bytes } = await proofOf(300);
    const text = formatProof({ index: seq, proof, checkpoint, extra: bytes });
    expect(verifyProof({ text, leafHash: leafHash(bytes), verifierKeys: keys })).toMatchObject({ size: 700 });
  });

  it('of two trees hold between any two published checkpoints', async () => {
    for (const from of SIZES) {
      for (const to of SIZES.filter((size) => size >= from)) {
        const found = await room.module.get(QueryBus).execute(new GetConsistency(TENANT, from, to));
        const [fromRoot, toRoot] = [rootAt(found.from.checkpoint), rootAt(found.to.checkpoint)];
        verifyConsistency({ from, to, fromRoot, toRoot, proof: found.proof });
      }
    }
  });

  it('are refused with what is in the way', async () => {
    await expect(proofOf(700)).rejects.toMatchObject({ code: 'AUDIT.EVENT_NOT_COVERED' });
    await expect(proofOf(256, 256)).rejects.toMatchObject({ code: 'AUDIT.SIZE_INVALID' });
    await expect(proofOf(0, 300)).rejects.toMatchObject({ code: 'AUDIT.CHECKPOINT_NOT_FOUND' });
    const queries = room.module.get(QueryBus);
    const nobodys = '0193a1b2-c3d4-7000-8000-000000000000';
    await expect(queries.execute(new GetEvent(TENANT, nobodys))).rejects.toMatchObject({
      code: 'AUDIT.EVENT_NOT_FOUND',
    });
    await expect(queries.execute(new GetEvent('other', ids[0]!))).rejects.toMatchObject({
      code: 'AUDIT.EVENT_NOT_FOUND',
    });
    await expect(queries.execute(new GetConsistency(TENANT, 400, 256))).rejects.toMatchObject({
      code: 'AUDIT.SIZE_INVALID',
    });
    await expect(queries.execute(new GetConsistency(TENANT, 256, 701))).rejects.toMatchObject({
      code: 'AUDIT.CHECKPOINT_NOT_FOUND',
    });
  });

  it('look at a few documents, not at the ledger', async () => {
    const before = await examined();
    await proofOf(300);
    // The event, the head, the checkpoint, the leaf's tile, the partial leaf tile (188 entries), two roots, and misses.
    expect((await examined()) - before).toBeLessThanOrEqual(188 + 12);
  });

  it('do not leave when the store is not what was signed', async () => {
    const bytes = (await room.stored())[20]!.bytes;
    const changed = Buffer.from(bytes.toString().replace(/"step":\d+/, '"step":9'));
    await room.entries.updateOne({ seq: 20 }, { $set: { bytes: changed } });
    await expect(proofOf(20)).rejects.toMatchObject({ code: 'AUDIT.PROOF_CONTRADICTED' });
    await room.entries.updateOne({ seq: 20 }, { $set: { bytes } });
    const { collection } = room.module.get(Tiles);
    await collection.updateOne({ level: 0, index: 1 }, { $set: { root: Buffer.alloc(32) } });
    await expect(proofOf(20)).rejects.toMatchObject({ code: 'AUDIT.PROOF_CONTRADICTED' });
    await collection.deleteOne({ level: 0, index: 0 });
    await expect(proofOf(20)).rejects.toMatchObject({ code: 'AUDIT.TILE_MISSING' });
  });

  it('have their checkpoints listed, newest first', async () => {
    const queries = room.module.get(QueryBus);
    const first = await queries.execute(new ListCheckpoints(TENANT, 3, undefined));
    expect(first.checkpoints.map(({ size }) => size)).toEqual([700, 400, 256]);
    const second = await queries.execute(new ListCheckpoints(TENANT, 3, first.next_before_size));
    expect(second.checkpoints.map(({ size }) => size)).toEqual([100]);
    expect(second).not.toHaveProperty('next_before_size');
  });

  async function examined(): Promise<number> {
    const status = await room.store.connection.getClient().db(room.store.connection.name).command({ serverStatus: 1 });
    return (status['metrics'].queryExecutor as { scannedObjects: number }).scannedObjects;
  }
});
