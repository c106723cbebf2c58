import { ObjectStoreError, type ObjectStore, type ObjectStoreErrorCode, type StoredObject } from '#libs/object-store';
import { putOnce } from './put-once.js';

const OURS = 'a'.repeat(64);
const THEIRS = 'b'.repeat(64);
const stored = (sha256: string): StoredObject => ({
  key: 'k',
  bytes: 1,
  sha256,
  storedAt: new Date(0),
  legalHold: false,
});
const fault = (code: ObjectStoreErrorCode, existing?: StoredObject): ObjectStoreError =>
  new ObjectStoreError(code, 'as asked', { existing });

/** Into a store whose `put` rejects so, and whose `head` then says that. */
function put(rejects?: ObjectStoreError, head: StoredObject | ObjectStoreError = stored(OURS)) {
  const store = {
    put: () => (rejects ? Promise.reject(rejects) : Promise.resolve(stored(OURS))),
    head: () => (head instanceof Error ? Promise.reject(head) : Promise.resolve(head)),
  } as Partial<ObjectStore> as ObjectStore;
  const occupied = (message: string, cause: unknown): Error => new Error(message, { cause });
  return putOnce(store, { key: 'k', bytes: Buffer.alloc(1), sha256: OURS }, {}, occupied);
}

describe('putOnce', () => {
  it('resolves with what it put, or found there as it would have put it', async () => {
    expect(await put()).toEqual({ object: stored(OURS), found: false });
    expect(await put(fault('OBJECT_STORE.EXISTS', stored(OURS)))).toEqual({ object: stored(OURS), found: true });
    expect(await put(fault('OBJECT_STORE.EXISTS'))).toEqual({ object: stored(OURS), found: true });
  });

  it.each([
    ['another object', fault('OBJECT_STORE.EXISTS', stored(THEIRS)), stored(OURS), THEIRS],
    ['another that was put at the same time', fault('OBJECT_STORE.EXISTS'), stored(THEIRS), THEIRS],
    ['one of another program', fault('OBJECT_STORE.CORRUPT'), fault('OBJECT_STORE.CORRUPT'), 'did not put'],
  ])('says what lies there: %s', async (_what, rejects, head, said) => {
    await expect(put(rejects, head)).rejects.toMatchObject({ message: expect.stringContaining(said) as string });
    await expect(put(rejects, head)).rejects.toHaveProperty('cause', rejects);
  });

  it('rejects as the store does where it does not answer', async () => {
    const away = fault('OBJECT_STORE.UNAVAILABLE');
    await expect(put(away)).rejects.toBe(away);
  });
});
