import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { takeLock, type Holder } from './lock-file.js';

let dir: string;
let lockPath: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lock-'));
  lockPath = join(dir, 'mongo.lock');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function held(): Holder {
  return JSON.parse(readFileSync(lockPath, 'utf8')) as Holder;
}

describe('takeLock', () => {
  it('refuses a live holder with EMBEDDED.LOCKED, naming its pid', () => {
    const lock = takeLock(dir, join(dir, 'none'));
    expect(() => takeLock(dir, join(dir, 'none'))).toThrow(
      expect.objectContaining({ code: 'EMBEDDED.LOCKED', message: expect.stringContaining(String(process.pid)) }),
    );
    lock.release();
    takeLock(dir, join(dir, 'none')).release();
    expect(existsSync(lockPath)).toBe(false);
  });

  it('takes over from a process that is gone and removes its socket folder', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    const old = join(dir, 'old-socket');
    mkdirSync(old);
    writeFileSync(lockPath, JSON.stringify({ pid: child.pid, boot: 'x', started: '1', socketFolder: old }));
    takeLock(dir, join(dir, 'new'));
    expect(held().pid).toBe(process.pid);
    expect(existsSync(old)).toBe(false);
  });

  it.each(['boot', 'started'] as const)('takes over when the pid is another process by now: %s differs', (field) => {
    takeLock(dir, join(dir, 'none'));
    writeFileSync(lockPath, JSON.stringify({ ...held(), [field]: 'other' }));
    takeLock(dir, join(dir, 'mine'));
    expect(held().socketFolder).toBe(join(dir, 'mine'));
  });

  it('takes over a lock that nobody can read', () => {
    writeFileSync(lockPath, 'half a li');
    takeLock(dir, join(dir, 'mine'));
    expect(held().pid).toBe(process.pid);
  });
});
