import { ObjectStoreError, type ObjectStore } from '#libs/object-store';
import type { Log } from '#libs/telemetry';
import type { ColdStores } from '../cold/cold-stores.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import type { LegalHold } from '../domain/legal-hold.types.js';
import { sampleBatch } from '../storage/archive-batch.fixture.js';
import type { ArchiveBatches } from '../storage/archive-batches.store.js';
import { HoldKeeping } from './hold-keeping.js';
import type { Holds } from './holds.js';

const TENANT = 'acme';

describe('HoldKeeping.putBack', () => {
  const [first, second] = [0, 1].map((at) => sampleBatch(TENANT, at, { holds: ['case-1'] })) as [
    ArchiveBatch,
    ArchiveBatch,
  ];
  let active: Pick<LegalHold, 'case_id'>[];
  /** Keys of the objects that the cold store holds. */
  let held: Set<string>;
  let told: string[];
  /** What happens to the objects of this key before they are looked at; and before they are held, or not any more. */
  let looks: (key: string) => void;
  let holds: (batch: ArchiveBatch) => void;

  beforeEach(() => {
    active = [{ case_id: 'case-1' }];
    held = new Set([first.jsonlKey, first.manifestKey, second.manifestKey]);
    told = [];
    looks = holds = () => undefined;
  });

  const putBack = (): Promise<void> => {
    const store = {
      retention: true,
      head: async (key: string) => {
        looks(key);
        return { legalHold: held.has(key) };
      },
    } as unknown as ObjectStore;
    const cold = {
      primary: async () => store,
      hold: async (batch: ArchiveBatch, on: boolean) => {
        holds(batch);
        for (const key of [batch.jsonlKey, batch.manifestKey]) held[on ? 'add' : 'delete'](key);
      },
    } as unknown as ColdStores;
    const batches = {
      async *between() {
        yield* [first, second];
      },
    } as unknown as ArchiveBatches;
    const log = { error: (line: string) => told.push(line), warn: (line: string) => told.push(line) };
    const cases = { active: async () => active } as unknown as Holds;
    return new HoldKeeping(cases, batches, cold, log as unknown as Log).putBack(TENANT);
  };

  it('holds again what somebody lifted, and tells', async () => {
    await putBack();
    expect([held.has(second.jsonlKey), held.size, told]).toEqual([true, 4, ['audit.hold_lifted']]);
  });

  describe('when the case is released after the batches were read', () => {
    it('leaves lifted what the release lifted', async () => {
      looks = () => {
        active = [];
        held.clear();
      };
      await putBack();
      expect([...held, ...told]).toEqual([]);
    });

    it('lifts again what it put on meanwhile', async () => {
      holds = ({ jsonlKey }) => {
        if (jsonlKey === second.jsonlKey) active = [];
      };
      await putBack();
      expect([held.has(second.jsonlKey), held.has(second.manifestKey)]).toEqual([false, false]);
    });
  });

  it('goes on when the objects of a batch are gone', async () => {
    looks = (key) => {
      if (key === first.jsonlKey) throw new ObjectStoreError('OBJECT_STORE.NOT_FOUND', `no object at ${key}`);
    };
    await putBack();
    expect(held.has(second.jsonlKey)).toBe(true);
    expect(told).toEqual(['audit.hold_waits', 'audit.hold_lifted']);
  });
});
