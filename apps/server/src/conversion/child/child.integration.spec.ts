import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConversionResult, DriverEvent } from '../driver/driver.types.js';
import { networkIsolated } from '../drivers/network.js';
import { builtProgram } from './built-program.js';
import { ChildLauncher } from './child.launcher.js';
import type { ChildOutcome, ConversionChild } from './child.process.js';
import { driverInfo } from './driver-info.js';
import { networkIsolation } from './isolation.js';
import { AMPLE, conversionFixture, type ConversionFixture } from './conversion.fixture.js';

let root: string;
let launcher: ChildLauncher;
let fixture: ConversionFixture;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'assay-scratch-'));
  launcher = new ChildLauncher(root);
  fixture = await conversionFixture();
});
afterAll(async () => {
  await launcher.close();
  await fixture.remove();
  await rm(root, { recursive: true, force: true });
});

async function using<T>(act: (child: ConversionChild) => Promise<T>): Promise<T> {
  const child = await launcher.start();
  try {
    return await act(child);
  } finally {
    await launcher.discard(child);
  }
}

const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const resultOf = (outcome: ChildOutcome) => {
  if (outcome.t !== 'result') throw new Error(`expected a result, found ${JSON.stringify(outcome)}`);
  return outcome.value as ConversionResult<unknown>;
};

describe('ConversionChild', () => {
  it('converts in its folder while the parent goes on answering', async () => {
    await using(async (child) => {
      let ticks = 0;
      const ticking = setInterval(() => ticks++, 5);
      const outcome = await child.run(fixture.order(64), { limits: AMPLE });
      clearInterval(ticking);
      expect(resultOf(outcome).status).toBe('succeeded');
      expect(ticks).toBeGreaterThan(10);
      expect((await readdir(child.folder)).sort()).toEqual(['result.json', 'work']);
      expect((await readdir(join(child.folder, 'work'))).sort()).toEqual([
        'out.kref.zip',
        'report.html',
        'report.json',
      ]);
    });
  });

  it('looks at a model before it is converted', async () => {
    await using(async (child) => {
      const model = join(fixture.folder, 'model.onnx');
      const order = { t: 'preflight', driver: 'reference', model, platform: '520', input: { references: [] } } as const;
      const outcome = await child.run({ ...order, input: { references: [] } }, { limits: AMPLE });
      expect(outcome).toMatchObject({ t: 'result', value: { inputs: [{ name: 'image', shape: [1, 3, 64, 64] }] } });
      expect(JSON.stringify(outcome)).toContain('platform_op_advisory');
    });
  });

  it('writes nothing beside its folder and leaves nothing when it is discarded', async () => {
    const before = await readdir(fixture.folder);
    const folder = await using(async (child) => {
      expect((await stat(child.folder)).mode & 0o777).toBe(0o700);
      await child.run(fixture.order(8), { limits: AMPLE });
      return child.folder;
    });
    expect(existsSync(folder)).toBe(false);
    expect(await readdir(fixture.folder)).toEqual(before);
  });

  it('is told nothing of the environment but where programs and its folder are, and runs at low priority', async () => {
    process.env['CONVERTER_API_KEY'] = 'a-secret-of-the-parent';
    try {
      await using(async (child) => {
        await until(() => getPriority(child.pid) > 0);
        const environment = (await readFile(`/proc/${child.pid}/environ`, 'utf8')).split('\0').filter(Boolean);
        const names = environment.map((entry) => entry.slice(0, entry.indexOf('='))).sort();
        expect(names).toEqual([
          'HOME',
          'LANG',
          'NODE_CHANNEL_FD',
          'NODE_CHANNEL_SERIALIZATION_MODE',
          'ORT_DISABLE_TELEMETRY',
          'PATH',
          'TMPDIR',
          'TZ',
        ]);
      });
    } finally {
      delete process.env['CONVERTER_API_KEY'];
    }
  });

  it('sees no network where this machine has network namespaces', async () => {
    await using(async (child) => {
      await until(() => getPriority(child.pid) > 0);
      const [own, parents] = await Promise.all(
        [child.pid, process.pid].map(async (pid) => (await stat(`/proc/${pid}/ns/net`)).ino),
      );
      expect(own !== parents).toBe((await networkIsolation()).length > 0);
      // Without a namespace the answer is what the machine itself has.
      const info = await driverInfo(launcher, 'reference');
      expect(info!.network_isolated).toBe(own !== parents || networkIsolated());
    });
  });

  it('ends when it is aborted, also in the middle of the runtime, and writes no result', async () => {
    await using(async (child) => {
      const abort = new AbortController();
      const onEvent = (event: DriverEvent) => {
        if (event.t === 'progress' && event.stage === 'quantize') abort.abort();
      };
      const outcome = await child.run(fixture.order(2_000), { limits: AMPLE, signal: abort.signal, onEvent });
      expect(outcome).toMatchObject({ t: 'ended', why: 'canceled' });
      expect(isGone(child.pid!)).toBe(true);
      expect(existsSync(join(child.folder, 'work', 'out.kref.zip'))).toBe(false);
    });
  });

  it.each([
    ['time_limit', { ...AMPLE, timeMs: 1 }],
    ['memory_limit', { ...AMPLE, memoryBytes: 1024 * 1024 }],
    ['output_limit', { ...AMPLE, fileBytes: 1024 }],
  ])('is ended at its %s', async (why, limits) => {
    await using(async (child) => {
      const outcome = await child.run(fixture.order(400), { limits });
      expect(outcome).toMatchObject({ t: 'ended', why });
      expect(isGone(child.pid!)).toBe(true);
    });
  });

  it('says that it crashed when it is killed', async () => {
    await using(async (child) => {
      const onEvent = (event: DriverEvent) => {
        if (event.t === 'stage' && event.stage === 'quantize') process.kill(child.pid!, 'SIGKILL');
      };
      const outcome = await child.run(fixture.order(400), { limits: AMPLE, onEvent });
      expect(outcome).toEqual({ t: 'ended', why: 'crashed', detail: 'SIGKILL' });
    });
  });

  it('ends with its parent, even while it is inside the runtime', async () => {
    const parent = fork(builtProgram(import.meta.url, './orphaned-parent.fixture.js'), [root], { execArgv: [] });
    const [{ pid, inputs }] = (await once(parent, 'message')) as [{ pid: number; inputs: string }];
    expect(isGone(pid)).toBe(false);
    parent.kill('SIGKILL');
    await until(() => isGone(pid));
    await rm(inputs, { recursive: true, force: true });
  });
});

describe('Scratch', () => {
  it('removes what a killed process left, and nothing of a living one', async () => {
    await using(async (child) => {
      const ofDead = join(root, '4194304-00000000'); // above the largest process id of the kernel
      await mkdir(ofDead);
      await writeFile(join(ofDead, 'left'), 'x');
      await new ChildLauncher(root).sweep();
      expect(existsSync(ofDead)).toBe(false);
      expect(existsSync(child.folder)).toBe(true);
    });
  });
});
