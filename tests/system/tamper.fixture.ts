import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import mongoose from 'mongoose';
import { chainHash, entryId, entryOf, genesisHash, leafHash, parseEvent, type StoredEntry } from '#libs/ledger';
import { CommandBus } from '@nestjs/cqrs';
import { startRoom, sampleDraft, TENANT, type AuditRoom } from '../../apps/server/src/audit/audit-room.fixture.js';
import { CheckpointSigner } from '../../apps/server/src/audit/checkpoints/checkpoint-signer.js';
import { RecordEvents, SealEvents } from '../../apps/server/src/audit/index.js';

type Collection<T extends mongoose.mongo.BSON.Document = mongoose.mongo.BSON.Document> = mongoose.mongo.Collection<T>;
export type Entry = StoredEntry & mongoose.mongo.BSON.Document;

/** Whole numbers below a bound, the same for the same seed (mulberry32). */
export type Random = (below: number) => number;

export function randomOf(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Entries of the ledger under attack; the checkpoints' sizes; what follows the last one is unsealed. */
export const SIGNED = [100, 300, 540] as const;
export const SEALED = SIGNED[2];
export const SIZE = 560;

/** Another tenant's ledger beside it, signed whole. */
export const OTHER = 'other';
export const OTHER_SIZE = 40;

export const ORIGIN = `assay.test/ledger/${TENANT}`;
const COLLECTIONS = ['ledger_entries', 'ledger_checkpoints', 'ledger_tiles', 'ledgers'];

/** A live ledger, and whoever can write to its database with a MongoDB driver: any document, no key. */
export class HostileStore {
  private kept = new Map<string, mongoose.mongo.BSON.Document[]>();

  private constructor(
    readonly room: AuditRoom,
    private readonly client: mongoose.mongo.MongoClient,
    /** The entries as they were written, in order. */
    readonly originals: readonly Entry[],
  ) {}

  static async open(): Promise<HostileStore> {
    const room = await startRoom();
    let size = 0;
    for (const next of SIGNED) {
      await room.record(next - size, size);
      await room.sign();
      size = next;
    }
    await room.record(SIZE - size, size);
    await recordOther(room);
    const uri = room.store.embedded ? await readFile(join(room.dataDir, 'mongo.uri'), 'utf8') : room.store.uri;
    const client = await mongoose.mongo.MongoClient.connect(uri.trim(), { promoteBuffers: true });
    const originals = (await room.stored()) as Entry[];
    const store = new HostileStore(room, client, originals);
    store.kept = await store.backup();
    return store;
  }

  collection<T extends mongoose.mongo.BSON.Document>(name: string): Collection<T> {
    return this.client.db().collection<T>(name);
  }

  get entries(): Collection<Entry> {
    return this.collection<Entry>('ledger_entries');
  }

  /** Everything an attacker could have copied. */
  async backup(): Promise<Map<string, mongoose.mongo.BSON.Document[]>> {
    const all = COLLECTIONS.map(async (name) => [name, await this.collection(name).find({}).toArray()] as const);
    return new Map(await Promise.all(all));
  }

  /** Puts the database into an earlier state; without one, into that before the attack. */
  async restore(backup: ReadonlyMap<string, mongoose.mongo.BSON.Document[]> = this.kept): Promise<void> {
    for (const [name, documents] of backup) {
      await this.collection(name).deleteMany({});
      if (name === 'ledger_entries') {
        await this.entries.createIndex({ tenant: 1, seq: 1 }, { name: 'tenant_seq', unique: true });
      }
      if (documents.length > 0) await this.collection(name).insertMany(documents.map((one) => ({ ...one })));
    }
  }

  /** Writes these entries over everything from the first one's place on. */
  async replaceFrom(seq: number, entries: readonly Entry[]): Promise<void> {
    await this.entries.deleteMany({ tenant: TENANT, seq: { $gte: seq } });
    if (entries.length > 0) await this.entries.insertMany(entries.map((one) => ({ ...one })));
  }

  async replace(entry: mongoose.mongo.BSON.Document, original: Entry): Promise<void> {
    await this.entries.deleteOne({ _id: original._id });
    await this.entries.insertOne(entry as Entry);
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.room.remove();
  }
}

async function recordOther(room: AuditRoom): Promise<void> {
  const drafts = Array.from({ length: OTHER_SIZE }, (_, step) => sampleDraft(step, { scope: { tenant: OTHER } }));
  const commands = room.module.get(CommandBus);
  await commands.execute(new RecordEvents(OTHER, await commands.execute(new SealEvents(drafts))));
  await room.module.get(CheckpointSigner).sign({ _id: OTHER, origin: `assay.test/ledger/${OTHER}` });
}

/** The same event with another step: what a liar would want to have happened. */
export function alteredBytes({ bytes }: Entry): Uint8Array {
  const text = Buffer.from(bytes).toString('utf8');
  const changed = text.replace(/"step":(\d+)/, (_all, step: string) => `"step":${Number(step) + 1}`);
  return Buffer.from(changed, 'utf8');
}

/**
 * History from `seq` on as it would be with these events: ids, columns, leaf and chain hashes all recomputed, without a
 * flaw. `before`: the entries before, as they stay.
 */
export function rewritten(before: readonly Entry[], seq: number, events: readonly Uint8Array[]): Entry[] {
  let previousChainHash = seq === 0 ? genesisHash(ORIGIN) : before[seq - 1]!.chain_hash;
  return events.map((bytes, index) => {
    const input = { tenant: TENANT, seq: seq + index, event: parseEvent(bytes), bytes, previousChainHash };
    const entry = entryOf(input);
    previousChainHash = entry.chain_hash;
    return entry;
  });
}

/** Another seq and id on the same entry, chained on `previous`. */
export function moved(entry: Entry, seq: number, previous: Uint8Array): Entry {
  const leaf = leafHash(entry.bytes);
  return { ...entry, _id: entryId(TENANT, seq), seq, leaf_hash: leaf, chain_hash: chainHash(previous, leaf) };
}
