import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import mongoose from 'mongoose';
import type { StoredEntry } from '#libs/ledger';
import { startRoom, TENANT, type AuditRoom } from './audit-room.fixture.js';
import { chained, preparedEvent } from './domain/entry.js';

const ENTRIES = 12;
const SIGNED = 9;

type Entry = Omit<StoredEntry, 'bytes' | 'leaf_hash' | 'chain_hash'> &
  Record<'bytes' | 'leaf_hash' | 'chain_hash', Buffer>;

const idOf = (seq: number): string => `${TENANT}:${String(seq).padStart(16, '0')}`;

/**
 * Whoever can write to the database, with any driver, at the address in `<data>/mongo.uri`. Found by the code behind
 * `GET /audit/verify`, and named by seq.
 */
describe('an attacker with a MongoDB driver', () => {
  let room: AuditRoom;
  let client: mongoose.mongo.MongoClient;
  let entries: mongoose.mongo.Collection<Entry>;
  let originals: Entry[];

  beforeAll(async () => {
    room = await startRoom();
    await room.record(SIGNED);
    await room.sign();
    await room.record(ENTRIES - SIGNED, SIGNED);
    const uri = room.store.embedded ? await readFile(join(room.dataDir, 'mongo.uri'), 'utf8') : room.store.uri;
    client = await mongoose.mongo.MongoClient.connect(uri.trim(), { promoteBuffers: true });
    entries = client.db().collection<Entry>('ledger_entries');
    originals = (await room.stored()) as Entry[];
  });
  afterEach(async () => {
    await entries.deleteMany({});
    await entries.insertMany(structuredCopies(originals));
    expect(await room.verify()).toMatchObject({ tier: 'consistent', breaks: [] });
  });
  afterAll(async () => {
    await client.close();
    await room.remove();
  });

  const replaced = async (entry: object, original: Entry): Promise<void> => {
    await entries.deleteOne({ _id: original._id });
    await entries.insertOne(entry as Entry);
  };
  const seqsOf = async (): Promise<(number | undefined)[]> => {
    const { tier, breaks } = await room.verify();
    expect(tier).toBe('broken');
    return breaks.flatMap(({ seq, seqs, from, to }) => seqs ?? (seq !== undefined ? [seq] : [from, to]));
  };

  it.each(['signed', 'unsigned'] as const)('who edits any byte of any %s entry is found at that seq', async (part) => {
    const seqs = part === 'signed' ? fc.nat(SIGNED - 1) : fc.integer({ min: SIGNED, max: ENTRIES - 1 });
    await fc.assert(
      fc.asyncProperty(
        seqs,
        fc.constantFrom('bytes' as const, 'leaf_hash' as const, 'chain_hash' as const),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (seq, field, at, flip) => {
          const original = originals[seq]!;
          const changed = Buffer.from(original[field]);
          changed[at % changed.length]! ^= flip;
          await entries.updateOne({ tenant: TENANT, seq }, { $set: { [field]: changed } });
          expect(await seqsOf()).toContain(seq);
          await replaced(original, original);
        },
      ),
      { numRuns: 10 },
    );
  });

  it('who edits, empties or retypes any other field is found at that seq', async () => {
    const original = originals[4]!;
    const fields = Object.keys(original).filter(
      (field) => !['_id', 'bytes', 'leaf_hash', 'chain_hash'].includes(field),
    );
    expect(fields).toEqual(expect.arrayContaining(['tenant', 'seq', 'event_id', 'kind', 'ts', 'actor_id', 'job_id']));
    for (const field of fields) {
      for (const value of ['x', 999, null, undefined]) {
        const rest = Object.fromEntries(Object.entries(original).filter(([name]) => name !== field));
        await replaced(value === undefined ? rest : { ...rest, [field]: value }, original);
        expect({ field, value, seqs: await seqsOf() }).toMatchObject({ seqs: expect.arrayContaining([4]) });
        await entries.deleteOne({ _id: original._id });
        await entries.insertOne(original);
      }
    }
  });

  it('who adds a field is found at that seq', async () => {
    await entries.updateOne({ tenant: TENANT, seq: 6 }, { $set: { approved_by: 'nobody' } });
    expect(await seqsOf()).toEqual([6]);
  });

  it.each([0, 4, SIGNED - 1, SIGNED, ENTRIES - 2])('who deletes entry %i is found at that seq', async (seq) => {
    await entries.deleteOne({ tenant: TENANT, seq });
    const { breaks } = await room.verify();
    expect(breaks).toContainEqual(expect.objectContaining({ class: 'deleted', seq }));
  });

  it('who cuts the end below the checkpoint is found', async () => {
    await entries.deleteMany({ tenant: TENANT, seq: { $gte: 7 } });
    const { breaks } = await room.verify();
    expect(breaks).toContainEqual(expect.objectContaining({ from: 7, to: SIGNED - 1 }));
  });

  it('who deletes everything is found', async () => {
    await entries.deleteMany({ tenant: TENANT });
    expect((await room.verify()).tier).toBe('broken');
  });

  it('who inserts an entry and renumbers what follows is found at that seq', async () => {
    const forged = forgedAfter(originals[4]!, originals[2]!);
    await entries.deleteMany({ tenant: TENANT, seq: { $gte: 5 } });
    const moved = originals.slice(5).map((entry) => ({ ...entry, seq: entry.seq + 1, _id: idOf(entry.seq + 1) }));
    await entries.insertMany([forged, ...moved] as Entry[]);
    const { breaks } = await room.verify();
    expect(breaks).toContainEqual(expect.objectContaining({ class: 'inserted', seq: 5 }));
  });

  it('who appends an entry that does not follow is found at that seq', async () => {
    const last = originals.at(-1)!;
    await entries.insertOne({ ...forgedAfter(last, originals[2]!), chain_hash: Buffer.alloc(32, 7) } as Entry);
    expect(await seqsOf()).toContain(ENTRIES);
  });

  it.each([
    [2, 3],
    [1, 7],
    [SIGNED, ENTRIES - 1],
  ])('who swaps entries %i and %i is found at both', async (a, b) => {
    const [one, other] = [originals[a]!, originals[b]!];
    await entries.deleteMany({ tenant: TENANT, seq: { $in: [a, b] } });
    const { seq: seqA, _id: idA, chain_hash: chainA, ...first } = one;
    const { seq: seqB, _id: idB, chain_hash: chainB, ...second } = other;
    await entries.insertMany([
      { ...second, seq: seqA, _id: idA, chain_hash: chainA },
      { ...first, seq: seqB, _id: idB, chain_hash: chainB },
    ] as Entry[]);
    expect(await seqsOf()).toEqual(expect.arrayContaining([a, b]));
  });

  describe('done when: what is edited, deleted, inserted or swapped is found and named by seq', () => {
    const edited = (class_: string, field: string): object => ({ class: class_, seq: 4, field });
    const changes: [string, object, Partial<Record<keyof Entry | 'extra', unknown>>][] = [
      ['tenant', edited('edited', 'tenant'), { tenant: 'elsewhere' }],
      ['tenant to what is none', edited('edited', 'tenant'), { tenant: null }],
      ['seq beyond the end', edited('edited', 'seq'), { seq: 4000 }],
      ['seq to no number', edited('edited', 'seq'), { seq: 'four' }],
      ['_id', edited('edited', '_id'), { _id: idOf(4000) }],
      ['tenant and seq', edited('edited', 'seq'), { tenant: 'elsewhere', seq: 4000 }],
      ['leaf_hash', edited('edited', 'leaf_hash'), { leaf_hash: Buffer.alloc(32, 9) }],
      ['chain_hash', edited('edited', 'chain_hash'), { chain_hash: Buffer.alloc(32, 9) }],
      ['kind', edited('index_mismatch', 'kind'), { kind: 'job.finished' }],
      ['ts', edited('index_mismatch', 'ts'), { ts: '2020-01-01T00:00:00.000Z' }],
      ['actor_id', edited('index_mismatch', 'actor_id'), { actor_id: 'nobody' }],
      ['an extra field', edited('index_mismatch', 'extra'), { extra: 1 }],
      // Nothing under its tenant or its place is left of it.
      ['tenant and _id', { class: 'deleted', seq: 4 }, { tenant: 'elsewhere', _id: 'elsewhere:4' }],
    ];
    it.each(changes)('%s: %j', async (_what, expected, change) => {
      const original = originals[4]!;
      await replaced({ ...original, ...change }, original);
      const { tier, breaks } = await room.verify();
      expect(tier).toBe('broken');
      expect(breaks).toContainEqual(expect.objectContaining(expected));
      await entries.deleteMany({ tenant: { $ne: TENANT } });
    });

    it.each([
      ['the last entry', ENTRIES - 1],
      ['the last signed one', SIGNED - 1],
      ['the first', 0],
    ])('the tenant of %s', async (_what, seq) => {
      const original = originals[seq]!;
      await replaced({ ...original, tenant: 'elsewhere' }, original);
      const { breaks } = await room.verify();
      expect(breaks).toMatchObject([{ class: 'edited', seq, field: 'tenant', event_id: original.event_id }]);
      await entries.deleteMany({ tenant: 'elsewhere' });
    });

    it('a byte of the bytes of an entry, every seventh', async () => {
      const original = originals[4]!;
      for (let at = 0; at < original.bytes.length; at += 7) {
        const bytes = Buffer.from(original.bytes);
        bytes[at]! ^= 1 << (at % 8);
        await entries.updateOne({ _id: original._id }, { $set: { bytes } });
        const { breaks } = await room.verify();
        expect({ at, breaks }).toMatchObject({ at, breaks: [{ class: 'edited', seq: 4, field: 'bytes' }] });
      }
    });

    it.each([['all columns'], ['bytes'], ['seq']])('two entries swapped in %s', async (what) => {
      const [one, other] = [originals[3]!, originals[5]!];
      const place = ({ _id, seq }: Entry): object => ({ _id, seq });
      const swapped = (to: Entry, from: Entry): object => {
        if (what === 'bytes') return { ...to, bytes: from.bytes };
        return what === 'seq' ? { ...to, seq: from.seq } : { ...from, ...place(to) };
      };
      await entries.deleteMany({ _id: { $in: [one._id, other._id] } });
      await entries.insertMany([swapped(one, other), swapped(other, one)] as Entry[]);
      const { tier, breaks } = await room.verify();
      expect(tier).toBe('broken');
      const sensible = what === 'seq' ? ['edited', 'reordered'] : ['reordered', 'edited'];
      expect(breaks.every(({ class: kind }) => sensible.includes(kind))).toBe(true);
      expect(breaks.flatMap(({ seq, seqs }) => seqs ?? [seq])).toEqual(expect.arrayContaining([3, 5]));
    });
  });

  it('who rewrites an entry and the whole chain after it is found by the signed checkpoint', async () => {
    const bytes = Buffer.from(originals[3]!.bytes.toString('utf8').replace('"step":3', '"step":4'));
    const events = originals.slice(3).map((entry, index) => {
      const content = index === 0 ? bytes : entry.bytes;
      return preparedEvent(TENANT, { id: entry.event_id, bytes: content });
    });
    const rewritten = chained(TENANT, { seq: 2, chainHash: originals[2]!.chain_hash }, events);
    await entries.deleteMany({ tenant: TENANT, seq: { $gte: 3 } });
    await entries.insertMany(rewritten as Entry[]);
    const { tier, breaks } = await room.verify();
    expect(tier).toBe('broken');
    expect(breaks).toMatchObject([{ from: 0, to: SIGNED - 1, located: 'interval' }]);
  });
});

/** A well-formed entry that follows `last`, out of another one's bytes under a new id. */
function forgedAfter(last: Entry, pattern: Entry): StoredEntry {
  const id = `${pattern.event_id.slice(0, -4)}ffff`;
  const bytes = Buffer.from(pattern.bytes.toString('utf8').replace(pattern.event_id, id));
  return chained(TENANT, { seq: last.seq, chainHash: last.chain_hash }, [preparedEvent(TENANT, { id, bytes })])[0]!;
}

const structuredCopies = (documents: readonly Entry[]): Entry[] => documents.map((entry) => ({ ...entry }));
