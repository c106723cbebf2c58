import { Readable } from 'node:stream';
import { uuidv7 } from '#libs/kernel';
import { ObjectStoreError, type ObjectStore, type ObjectStoreErrorCode } from '#libs/object-store';
import type { Log } from '#libs/telemetry';
import type { ColdStores } from '../cold/cold-stores.js';
import type { Statements } from '../cold/statements.js';
import type { Erasures } from '../storage/erasures.store.js';
import type { Ledgers } from '../storage/ledgers.store.js';
import type { SubjectKeys } from '../storage/subject-keys.store.js';
import { ErasureReplay } from './erasure-replay.js';
import type { Erasure } from './erasure.types.js';
import { receiptKey } from './receipt.js';

const TENANTS = ['acme', 'beta', 'zeta'];
const fault = (code: ObjectStoreErrorCode) => new ObjectStoreError(code, 'not to be had');

/** What a store has under a key, or why it does not give it. */
type Objects = Map<string, string | Error>;

function storeOf(objects: Objects): ObjectStore {
  return {
    async *list(prefix: string) {
      yield* [...objects.keys()].filter((key) => key.startsWith(prefix)).map((key) => ({ key }));
    },
    get: async (key: string) => {
      const found = objects.get(key) ?? fault('OBJECT_STORE.NOT_FOUND');
      if (found instanceof Error) throw found;
      return { body: Readable.from([Buffer.from(found)]), bytes: found.length };
    },
  } as unknown as ObjectStore;
}

describe('ErasureReplay.look', () => {
  let primary: Objects;
  let copy: Objects | undefined;
  /** Why a store does not answer at all. */
  let down: { primary?: Error; copy?: Error };
  let asked: { primary: number; copy: number };
  /** Tenants where the key of a person who is erased is there again. */
  let resurrected: string[];
  beforeEach(() => {
    [primary, copy, down, asked, resurrected] = [new Map(), undefined, {}, { primary: 0, copy: 0 }, []];
  });

  const open = async (name: 'primary' | 'copy', objects: Objects): Promise<ObjectStore> => {
    asked[name] += 1;
    if (down[name]) throw down[name];
    return storeOf(objects);
  };
  const look = () => {
    const done = (tenant: string) => ({ _id: `erasure-of-${tenant}`, tenant, state: 'done' }) as Erasure;
    const erasures = {
      carriedOut: async (tenant: string) => new Map([[done(tenant)._id, 'somebody']]),
      of: async (tenant: string) => done(tenant),
      find: async (tenant: string) => done(tenant),
      again: async () => undefined,
      add: async (erasure: Erasure) => erasure,
    };
    return new ErasureReplay(
      {
        primary: () => open('primary', primary),
        copy: () => copy && open('copy', copy),
      } as unknown as ColdStores,
      { said: async (_type: string, _tenant: string, text: Buffer) => saidBy(text) } as unknown as Statements,
      { all: async () => TENANTS.map((_id) => ({ _id })) } as unknown as Ledgers,
      erasures as unknown as Erasures,
      {
        existing: async (tenant: string) => new Map(resurrected.includes(tenant) ? [['somebody', new Date()]] : []),
      } as unknown as SubjectKeys,
      { warn: () => undefined, error: () => undefined } as unknown as Log,
    ).look();
  };
  const saidBy = (text: Buffer) =>
    text.toString() === 'of others' ? undefined : (JSON.parse(text.toString()) as object);
  const forgotten = (tenant: string, ms: number): { id: string; key: string; receipt: string } => {
    const erasure = uuidv7(ms);
    const said = { tenant, erasure, subject: 'a'.repeat(64), reason: 'test', requested_at: '2026-01-01T00:00:00.000Z' };
    return { id: erasure, key: receiptKey({ tenant, _id: erasure }), receipt: JSON.stringify(said) };
  };

  it.each<[string, string | Error]>([
    ['cannot be read', fault('OBJECT_STORE.DENIED')],
    ['is refused', fault('OBJECT_STORE.REFUSED')],
    ['was damaged', fault('OBJECT_STORE.CORRUPT')],
    ['was overwritten', 'of others'],
  ])('takes from the copy a receipt that %s', async (_how, there) => {
    const { id, key, receipt } = forgotten('acme', 1);
    primary.set(key, there);
    copy = new Map([[key, receipt]]);
    const { again, invalid, failures } = await look();
    expect([again.map(({ _id }) => _id), invalid, failures.size]).toEqual([[id], [], 0]);
  });

  it.each(['OBJECT_STORE.DENIED', 'OBJECT_STORE.REFUSED'] as const)(
    'goes on with the others after %s, and is not over where the copy has none either',
    async (code) => {
      const [first, second] = [forgotten('acme', 1), forgotten('acme', 2)];
      primary.set(first.key, fault(code)).set(second.key, second.receipt);
      for (const there of [undefined, new Map(), new Map([[first.key, 'of others']])]) {
        copy = there;
        const { again, invalid, failures } = await look();
        expect([again.map(({ _id }) => _id), invalid]).toEqual([[second.id], [first.key]]);
        expect([...failures]).toEqual([['acme', expect.objectContaining({ code })]]);
      }
    },
  );

  it('is not over where the copy cannot tell of what others overwrote, and asks it once', async () => {
    const lost = [1, 2, 3].map((ms) => forgotten('acme', ms));
    for (const { key } of lost) primary.set(key, 'of others');
    const other = forgotten('zeta', 1);
    primary.set(other.key, other.receipt);
    [copy, down.copy] = [new Map(), fault('OBJECT_STORE.TIMEOUT')];
    const { again, failures } = await look();
    expect(again.map(({ _id }) => _id)).toEqual([other.id]);
    expect([...failures]).toEqual([['acme', down.copy]]);
    expect(asked.copy).toBe(1);
  });

  it.each(['OBJECT_STORE.UNAVAILABLE', 'OBJECT_STORE.TIMEOUT', 'OBJECT_STORE.BUCKET_NOT_FOUND'] as const)(
    'finds every key that is there again, and asks a store once that says %s',
    async (code) => {
      resurrected = ['acme', 'zeta'];
      down.primary = fault(code);
      const { again, failures } = await look();
      expect(again.map(({ tenant }) => tenant)).toEqual(resurrected);
      expect([...failures]).toEqual(TENANTS.map((tenant) => [tenant, down.primary]));
      expect(asked.primary).toBe(1);
    },
  );
});
