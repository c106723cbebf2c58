import { rootOf, TILE_WIDTH, type Break, type BreakClass, type Tier } from '#libs/ledger';
import { TENANT } from '../../apps/server/src/audit/audit-room.fixture.js';
import {
  alteredBytes,
  HostileStore,
  moved,
  OTHER,
  OTHER_SIZE,
  randomOf,
  rewritten,
  SEALED,
  SIGNED,
  SIZE,
  type Entry,
  type Random,
} from './tamper.fixture.js';

/** What the report must say about an attack. */
interface Expected {
  /** `incomplete` where what was changed can no longer be checked. Preset: `broken`. */
  tiers?: readonly Tier[];
  /** One of these classes, where the evidence decides it. */
  classes: readonly BreakClass[];
  /** Places that must be named, each by a break of its own seq, or one of its range. */
  seqs?: readonly number[];
  /** Nothing tells the place better than: between these, both inclusive. */
  interval?: { from: number; to: number };
}

/** What somebody with a MongoDB driver and no key does to the store. */
type Attack = (store: HostileStore, random: Random) => Promise<Expected>;

/** So many mutations of each kind; thousands in the long form. */
const ROUNDS = Number(process.env['TAMPER_ROUNDS'] ?? 1);
const SEED = Number(process.env['TAMPER_SEED'] ?? Math.floor(Math.random() * 1_000_000));

const flipped = (bytes: Uint8Array, bit: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[(bit >> 3) % copy.length]! ^= 1 << (bit & 7);
  return copy;
};
/** Entries in full tiles, when the last checkpoint was made. */
const TILED = SEALED - (SEALED % TILE_WIDTH);
const HASHED = ['bytes', 'leaf_hash', 'chain_hash'] as const;
const COLUMNS = ['event_id', 'kind', 'ts', 'actor_type', 'actor_id', 'job_id'] as const;
/** Sizes of the last checkpoint that holds and of the first that cannot, for a history changed at `seq`. */
const intervalOf = (seq: number): { from: number; to: number } => {
  const failing = SIGNED.find((size) => size > seq)!;
  return { from: SIGNED.findLast((size) => size <= seq) ?? 0, to: failing - 1 };
};

const ATTACKS: Record<string, Attack> = {
  'a bit of the bytes or of a hash': async ({ entries, originals }, random) => {
    const seq = random(SIZE);
    const field = HASHED[random(HASHED.length)]!;
    const changed = flipped(originals[seq]![field], random(1 << 12));
    await entries.updateOne({ tenant: TENANT, seq }, { $set: { [field]: changed } });
    return { classes: ['edited'], seqs: [seq] };
  },

  'a column': async ({ entries, originals }, random) => {
    const seq = random(SIZE);
    const field = COLUMNS[random(COLUMNS.length)]!;
    await entries.updateOne({ tenant: TENANT, seq }, { $set: { [field]: `${originals[seq]![field]}x` } });
    return { classes: ['index_mismatch'], seqs: [seq] };
  },

  'an entry taken out': async ({ entries }, random) => {
    const seq = random(SIZE - 1);
    await entries.deleteOne({ tenant: TENANT, seq });
    return { classes: ['deleted'], seqs: [seq] };
  },

  'a run of entries taken out': async ({ entries }, random) => {
    const from = random(SEALED - 20);
    const to = from + 1 + random(18);
    await entries.deleteMany({ tenant: TENANT, seq: { $gte: from, $lte: to } });
    return { classes: ['deleted'], seqs: [from, to] };
  },

  'an entry put in, the rest renumbered': async (store, random) => {
    const seq = 1 + random(SEALED - 1);
    const { originals } = store;
    const id = `${originals[seq]!.event_id.slice(0, -4)}ffff`;
    const bytes = Buffer.from(
      Buffer.from(originals[seq]!.bytes).toString('utf8').replace(originals[seq]!.event_id, id),
    );
    const [forged] = rewritten(originals, seq, [bytes]);
    const rest = originals.slice(seq).map((entry) => ({ ...entry, ...placeOf(entry.seq + 1) }));
    await store.replaceFrom(seq, [forged!, ...rest]);
    return { classes: ['inserted'], seqs: [seq] };
  },

  'two entries in each other’s place': async (store, random) => {
    const a = random(SEALED - 2);
    const b = a + 1 + random(SEALED - a - 1);
    const [one, other] = [store.originals[a]!, store.originals[b]!];
    await store.entries.deleteMany({ tenant: TENANT, seq: { $in: [a, b] } });
    await store.entries.insertMany([
      { ...other, ...placeOf(a), chain_hash: one.chain_hash },
      { ...one, ...placeOf(b), chain_hash: other.chain_hash },
    ]);
    return { classes: ['reordered', 'edited'], seqs: [a, b] };
  },

  'history rewritten from one entry on, all hashes recomputed': async (store, random) => {
    const seq = random(SEALED);
    await rewriteFrom(store, seq);
    // The stored tiles are leaf hashes that the liar forgot; a tile that is not full yet is not stored.
    return seq < TILED
      ? { classes: ['edited'], seqs: [seq] }
      : { classes: ['edited', 'forked'], interval: intervalOf(seq) };
  },

  'history rewritten, the stored tiles gone': async (store, random) => {
    const seq = random(SEALED);
    await rewriteFrom(store, seq);
    await store.collection('ledger_tiles').deleteMany({ tenant: TENANT });
    return { classes: ['edited', 'forked'], interval: intervalOf(seq) };
  },

  'history rewritten, the stored tiles too': async (store, random) => {
    const seq = random(TILED);
    const leaves = await rewriteFrom(store, seq);
    const tiles = store.collection<StoredTile>('ledger_tiles');
    for (let index = 0; index < TILED / TILE_WIDTH; index++) {
      const hashes = leaves.slice(index * TILE_WIDTH, (index + 1) * TILE_WIDTH);
      const tile = { hashes: Buffer.concat(hashes), root: Buffer.from(rootOf(hashes)) };
      await tiles.updateOne({ tenant: TENANT, level: 0, index }, { $set: tile });
    }
    return { classes: ['edited', 'forked'], interval: intervalOf(seq) };
  },

  'a bit of a tile': async (store, random) => {
    const tiles = store.collection<StoredTile>('ledger_tiles');
    const index = random(TILED / TILE_WIDTH);
    const which = { tenant: TENANT, level: 0, index };
    const { hashes } = (await tiles.findOne(which))!;
    const bit = random(hashes.length * 8);
    await tiles.updateOne(which, { $set: { hashes: flipped(hashes, bit) } });
    return { classes: ['tile_mismatch'], seqs: [index * TILE_WIDTH + (bit >> 8)] };
  },

  'a second entry in a place, without the unique index': async (store, random) => {
    const seq = random(SEALED);
    await store.entries.dropIndex('tenant_seq');
    const twin = { ...store.originals[seq]!, _id: `${store.originals[seq]!._id}x`, event_id: 'x' };
    await store.entries.insertOne(twin);
    return { classes: ['inserted', 'forked', 'edited', 'index_mismatch'], seqs: [seq] };
  },

  'the tail cut below the last checkpoint': async (store, random) => {
    const seq = SIGNED[0] + random(SEALED - SIGNED[0]);
    await store.entries.deleteMany({ tenant: TENANT, seq: { $gte: seq } });
    return { classes: ['tail_cut'], seqs: [seq, SEALED - 1] };
  },

  'the tail cut, with the checkpoints over it': async (store, random) => {
    const seq = SIGNED[0] + random(SEALED - SIGNED[0]);
    await store.entries.deleteMany({ tenant: TENANT, seq: { $gte: seq } });
    await store.collection('ledger_checkpoints').deleteMany({ tenant: TENANT, size: { $gt: seq } });
    return { classes: ['rolled_back'], seqs: [seq, SEALED - 1] };
  },

  'an old backup restored': async (store) => {
    const early = await store.backup();
    const size = SIGNED[1];
    const below = (name: string, field: string, bound: number) =>
      early.get(name)!.filter((one) => one['tenant'] !== TENANT || (one[field] as number) < bound);
    early.set('ledger_entries', below('ledger_entries', 'seq', size + 10));
    early.set('ledger_checkpoints', below('ledger_checkpoints', 'size', size + 1));
    early.set('ledger_tiles', []);
    await store.restore(early);
    return { classes: ['rolled_back'], seqs: [size + 10, SEALED - 1] };
  },

  'the other tenant’s entries under this one’s name': async ({ entries }) => {
    const others = await entries.find({ tenant: OTHER }).toArray();
    await entries.deleteMany({ tenant: TENANT, seq: { $lt: OTHER_SIZE } });
    await entries.deleteMany({ tenant: OTHER });
    await entries.insertMany(others.map((one) => ({ ...one, ...placeOf(one.seq), tenant: TENANT })));
    return { classes: ['edited', 'deleted', 'forked', 'index_mismatch'], seqs: [0, OTHER_SIZE - 1] };
  },

  'everything gone': async (store) => {
    for (const name of ['ledger_entries', 'ledger_checkpoints', 'ledger_tiles', 'ledgers']) {
      await store.collection(name).deleteMany({});
    }
    return { classes: ['rolled_back'], seqs: [0, SEALED - 1] };
  },

  'a bit of a checkpoint': async (store, random) => {
    const checkpoints = store.collection<{ size: number; note: string }>('ledger_checkpoints');
    const size = SIGNED[random(SIGNED.length)]!;
    const { note } = (await checkpoints.findOne({ tenant: TENANT, size }))!;
    const at = random(note.length - 1);
    const letter = note[at] === 'A' ? 'B' : 'A';
    await checkpoints.updateOne({ size }, { $set: { note: note.slice(0, at) + letter + note.slice(at + 1) } });
    // In the name or id of the key, it is a signature by a key that nobody knows.
    return { tiers: ['broken', 'incomplete'], classes: ['checkpoint_invalid', 'key_unknown'] };
  },
};

/** Writes another event over one entry and recomputes everything after it. Returns the leaf hashes there are then. */
async function rewriteFrom(store: HostileStore, seq: number): Promise<Uint8Array[]> {
  const { originals } = store;
  const events = [alteredBytes(originals[seq]!), ...originals.slice(seq + 1).map(({ bytes }) => bytes)];
  const entries = rewritten(originals, seq, events);
  await store.replaceFrom(seq, entries);
  return [...originals.slice(0, seq), ...entries].map(({ leaf_hash }) => leaf_hash);
}

interface StoredTile {
  tenant: string;
  level: number;
  index: number;
  hashes: Buffer;
  root: Buffer;
}

const placeOf = (seq: number): Pick<Entry, '_id' | 'seq'> => {
  const { _id } = moved({ bytes: new Uint8Array() } as Entry, seq, new Uint8Array(32));
  return { _id, seq };
};

describe(`a database administrator without a key (TAMPER_SEED=${SEED})`, () => {
  let store: HostileStore;
  beforeAll(async () => {
    store = await HostileStore.open();
  });
  afterAll(() => store.close());

  async function outcomeOf(attack: Attack, random: Random) {
    try {
      const expected = await attack(store, random);
      return { expected, ...(await store.room.verify()) };
    } finally {
      await store.restore();
    }
  }

  it('who does nothing is not accused', async () => {
    expect(await store.room.verify()).toMatchObject({ tier: 'consistent', breaks: [] });
  });

  it('who does nothing while others write and sign is not accused', async () => {
    const store = await HostileStore.open();
    let writing = true;
    const writer = (async () => {
      for (let step = SIZE; writing; step++) {
        await store.room.record(1 + (step % 7), step);
        if (step % 5 === 0) await store.room.sign();
      }
    })();
    try {
      for (let round = 0; round < 2 * ROUNDS; round++) {
        expect(await store.room.verify()).toMatchObject({ tier: 'consistent', breaks: [] });
      }
    } finally {
      writing = false;
      await writer;
      await store.close();
    }
  });

  it.each(Object.entries(ATTACKS))(
    'is found, and the place named: %s',
    async (name, attack) => {
      const random = randomOf(SEED);
      for (let round = 0; round < ROUNDS; round++) {
        const { expected, tier, breaks } = await outcomeOf(attack, random);
        try {
          expect(expected.tiers ?? ['broken']).toContain(tier);
          expectFound(breaks, expected);
        } catch (cause) {
          const told = JSON.stringify({ expected, breaks: breaks.slice(0, 5) }, null, 1);
          throw new Error(`${name}, round ${round}: ${(cause as Error).message}\n${told}`, { cause });
        }
      }
      expect(await store.room.verify()).toMatchObject({ tier: 'consistent', breaks: [] });
    },
    60_000 + ROUNDS * 1_000,
  );

  it(
    'is found when doing two things at once',
    async () => {
      const random = randomOf(SEED);
      const attacks = Object.entries(ATTACKS);
      for (let round = 0; round < ROUNDS; round++) {
        const [one, other] = [attacks[random(attacks.length)]!, attacks[random(attacks.length)]!];
        const both: Attack = async (store) => {
          const expected = await one[1](store, random);
          // Against what the first has left: it may find nothing to do its own to.
          await other[1](store, random).catch(() => undefined);
          return expected;
        };
        const { tier } = await outcomeOf(both, random);
        expect({ attacks: [one[0], other[0]], tier }).toMatchObject({ tier: expect.not.stringMatching('consistent') });
      }
    },
    60_000 + ROUNDS * 1_000,
  );
});

function expectFound(breaks: readonly Break[], { classes, seqs = [], interval }: Expected): void {
  expect(breaks.some(({ class: kind }) => classes.includes(kind))).toBe(true);
  for (const seq of seqs) expect(breaks.filter((found) => names(found, seq))).not.toEqual([]);
  if (interval) {
    expect(breaks).toContainEqual(expect.objectContaining({ ...interval, located: 'interval' }));
  }
}

const names = ({ seq, seqs, from, to, located }: Break, place: number): boolean =>
  located === 'seq' &&
  (seq === place || seqs?.includes(place) === true || (from !== undefined && from <= place && place <= to!));
