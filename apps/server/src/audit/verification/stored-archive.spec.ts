import { Readable } from 'node:stream';
import { ObjectStoreError, type ObjectStore } from '#libs/object-store';
import type { ArchiveBatches } from '../storage/archive-batches.store.js';
import { StoredArchive, type ColdView } from './stored-archive.js';

const FOLDER = 'tenants/acme/ledger/archive/2026/11/21/';

describe('StoredArchive.manifestOver', () => {
  it('goes on behind an object that cannot be read', async () => {
    const [damaged, large, other] = ['0', '1', '2'].map(
      (digit) => `${FOLDER}000-255-${digit.repeat(16)}.manifest.json`,
    ) as [string, string, string];
    const asked: string[] = [];
    const body = (bytes: number) => ({ body: Readable.from([Buffer.from('{}')]), bytes });
    const store = {
      async *list() {
        for (const key of [damaged, large, other]) yield { key, bytes: 2, storedAt: new Date(0) };
      },
      async get(key: string) {
        asked.push(key);
        if (key === damaged) throw new ObjectStoreError('OBJECT_STORE.CORRUPT', 'put by another program');
        return body(key === large ? 2 ** 30 : 2);
      },
    } as unknown as ObjectStore;
    const archive = new StoredArchive({ primary: async () => store, copy: () => undefined }, {} as ArchiveBatches);
    const { signal } = new AbortController();
    const view: ColdView = { tenant: 'acme', place: 'primary', keys: [], stored: archive, signal };
    expect(await archive.manifestOver(7, view)).toBeUndefined();
    expect(asked.toSorted()).toEqual([damaged, large, other]);
  });
});
