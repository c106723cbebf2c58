import { uuidv7 } from '#libs/kernel';
import { canceled, claimed, isFinished, type Task } from '../domain/task.js';
import { draftsOf } from '../domain/task-events.js';
import { sealed, taskOf } from '../worker/task-queue.fixture.js';
import type { TaskStore } from './task.store.js';

/** What the queue asks of a store; the real one and the one in memory are held to it. */
export type QueueStore = Pick<
  TaskStore,
  'now' | 'insert' | 'read' | 'ofJob' | 'nextQueued' | 'apply' | 'expired' | 'renew' | 'cancelFlag'
>;

/** Each test gets an empty store. */
export function describeTaskStore(name: string, empty: () => Promise<QueueStore>): void {
  describe(name, () => {
    const eventsOf = (task: Task, kind: string) => draftsOf(task, [{ kind, data: {} }]).map(sealed);
    const inserted = async (store: QueueStore, tenant: string, after = 0): Promise<Task> => {
      const task = taskOf(uuidv7(), tenant, new Date((await store.now()).getTime() - 1_000 + after));
      await store.insert(task, eventsOf(task, 'task.created'));
      return task;
    };
    const claim = async (store: QueueStore, task: Task): Promise<Task> =>
      (await store.apply(task, claimed(task, 'w'), eventsOf(task, 'task.claimed')))!;

    it('inserts a task once', async () => {
      const store = await empty();
      const task = await inserted(store, 'a');
      expect(await store.insert({ ...task, tenant: 'b' }, [])).toBe(false);
      expect(await store.read(task.id)).toEqual(task);
      expect(await store.ofJob('a', task.job_id)).toEqual(task);
      expect(await store.ofJob('b', task.job_id)).toBeNull();
    });

    it('finds the next tenant in turn and its oldest due task', async () => {
      const store = await empty();
      const later = await inserted(store, 'a', 500);
      const first = await inserted(store, 'a');
      const other = await inserted(store, 'b');
      await inserted(store, 'c', 3_600_000); // not due yet
      expect((await store.nextQueued(''))?.id).toBe(first.id);
      expect((await store.nextQueued('a'))?.id).toBe(other.id);
      expect((await store.nextQueued('b'))?.id).toBe(first.id);
      await claim(store, first);
      expect((await store.nextQueued('b'))?.id).toBe(later.id);
    });

    it('applies a transition only to the task it was decided on', async () => {
      const store = await empty();
      const task = await inserted(store, 'a');
      const [one, two] = await Promise.all([
        store.apply(task, claimed(task, 'w1'), []),
        store.apply(task, claimed(task, 'w2'), []),
      ]);
      expect([one, two].filter(Boolean)).toHaveLength(1);
      expect(await store.read(task.id)).toMatchObject({ state: 'running', token: 1, rev: 1 });
    });

    it('renews and tells the flag only to the holder of the token', async () => {
      const store = await empty();
      const task = await claim(store, await inserted(store, 'a'));
      expect(await store.renew(task.id, task.token, 0.5)).toBe(true);
      expect(await store.renew(task.id, task.token - 1, 0.9)).toBe(false);
      expect(await store.cancelFlag(task.id, task.token)).toBe(false);
      expect(await store.cancelFlag(task.id, task.token + 1)).toBeNull();
      expect(await store.read(task.id)).toMatchObject({ progress: 0.5, rev: task.rev });
    });

    it('finds leases by its own clock, and takes a task only from a lease that is still old', async () => {
      const store = await empty();
      const task = await claim(store, await inserted(store, 'a'));
      const now = (await store.now()).getTime();
      expect(await store.expired(new Date(now - 60_000))).toEqual([]);
      expect((await store.expired(new Date(now + 1))).map(({ id }) => id)).toEqual([task.id]);
      const end = canceled(task, new Date());
      expect(await store.apply(task, end, [], new Date(now - 60_000))).toBeNull();
      const ended = await store.apply(task, end, [], new Date(now + 1));
      expect(ended && isFinished(ended.state)).toBe(true);
      expect(await store.expired(new Date(now + 60_000))).toEqual([]);
      expect(await store.cancelFlag(task.id, task.token)).toBeNull();
    });
  });
}
