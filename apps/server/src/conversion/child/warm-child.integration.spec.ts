import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChildLauncher } from './child.launcher.js';
import { AtMost } from './at-most.js';
import { WarmChild } from './warm-child.js';

describe('WarmChild', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'assay-warm-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('gives each child once, and another for one that died waiting', async () => {
    const launcher = new ChildLauncher(root);
    const warm = new WarmChild(launcher);
    const first = await warm.take();
    const second = await warm.take();
    expect(second.folder).not.toBe(first.folder);
    expect([first.alive, second.alive]).toEqual([true, true]);
    await launcher.discard(second);
    expect(second.alive).toBe(false);
    await launcher.close();
    expect(await readdir(root)).toEqual([]);
  });

  it('starts none after the launcher was closed, also when one was about to', async () => {
    const launcher = new ChildLauncher(root);
    const warm = new WarmChild(launcher);
    warm.warm();
    await launcher.close();
    await expect(launcher.start()).rejects.toThrow('closed');
    expect(await readdir(root)).toEqual([]);
  });
});

describe('AtMost', () => {
  it('lets so many at once and everyone in the end, also after failures', async () => {
    const atMost = new AtMost(2);
    let [now, most] = [0, 0];
    const act = async (index: number) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      if (index % 3 === 0) throw new Error('failed');
      return index;
    };
    const ends = await Promise.allSettled(Array.from({ length: 9 }, (_, index) => atMost.run(() => act(index))));
    expect(most).toBe(2);
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(6);
  });
});
