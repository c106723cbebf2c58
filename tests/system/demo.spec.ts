import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

interface Account {
  job: { id: string; status: string; platform: string };
  report: { snr_db: number; cosine: number; size_ratio: number; verdict: string };
  result: { bytes: number; sha256: string; file_name: string };
  promotion: { state: string };
  ledger: { tenant: string; origin: string; size: number; head: string; verdict: string; breaks: unknown[] };
  api: { url: string };
}

const demo = resolve(__dirname, '../../infrastructure/dev/demo.mjs');
let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'assay-demo-'));
});

afterAll(() => rm(dataDir, { recursive: true, force: true }));

async function account(): Promise<Account> {
  const env = { ...process.env };
  // The demo is about the embedded stores, also in the compatibility stage.
  delete env['MONGODB_URI'];
  delete env['OBJECT_STORE_URL'];
  const { stdout } = await promisify(execFile)(process.execPath, [demo, '--once', '--json'], {
    env: { ...env, ASSAY_DATA_DIR: dataDir },
  });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Account;
}

describe('the demo', () => {
  it('takes a real model through the whole path, and again in the same folder, where the ledger has grown', async () => {
    const first = await account();
    expect(first).toMatchObject({
      job: { status: 'completed', platform: '720' },
      report: { verdict: expect.stringMatching(/^(good|review)$/) },
      result: {
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        file_name: expect.stringMatching(/_kl720\.kref\.zip$/),
      },
      promotion: { state: 'success' },
      ledger: { verdict: 'consistent', breaks: [] },
    });
    expect(first.report.snr_db).toBeGreaterThan(12);
    expect(first.report.snr_db).toBeLessThan(30);
    expect(first.report.size_ratio).toBeGreaterThan(1.5);
    const second = await account();
    expect(second.ledger.size).toBeGreaterThan(first.ledger.size);
    expect(second.ledger.breaks).toEqual([]);
  });
});
