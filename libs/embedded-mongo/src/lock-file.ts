import { execFileSync } from 'node:child_process';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EmbeddedError } from './embedded.errors.js';

/** Who holds a data folder. A process id alone may be another process by now: boot and start time tell. */
export interface Holder {
  pid: number;
  boot: string;
  started: string;
  /** The folder of the socket, removed when a lock that nobody holds any more is taken over; empty: no engine ran. */
  socketFolder: string;
}

/**
 * Takes the lock of a data folder; LMDB itself keeps no second process out. Throws EMBEDDED.LOCKED while its holder
 * lives. A lock whose holder is gone is taken over.
 */
export function takeLock(dataDir: string, socketFolder = ''): { release(): void } {
  const path = join(dataDir, 'mongo.lock');
  const mine: Holder = { pid: process.pid, ...identityOf(process.pid)!, socketFolder };
  const draft = `${path}.${process.pid}.${process.hrtime.bigint()}`;
  writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    for (;;) {
      try {
        // A link is made whole or not at all, and never over an existing file.
        linkSync(draft, path);
        return { release: () => rmSync(path, { force: true }) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        removeStale(path);
      }
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

function removeStale(path: string): void {
  const holder = holderIn(path);
  if (holder && isAlive(holder)) {
    throw new EmbeddedError(
      'EMBEDDED.LOCKED',
      `expected a free data folder, found ${path} held by the running process ${holder.pid}`,
    );
  }
  if (holder?.socketFolder) rmSync(holder.socketFolder, { recursive: true, force: true });
  rmSync(path, { force: true });
}

function holderIn(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch {
    return undefined; // gone meanwhile, or no lock of ours: a link is never half written
  }
}

function isAlive({ pid, boot, started }: Holder): boolean {
  const now = identityOf(pid);
  return now?.boot === boot && now.started === started;
}

/** When the machine was started and when the process was; undefined when there is no such process. */
function identityOf(pid: number): { boot: string; started: string } | undefined {
  return process.platform === 'linux' ? linuxIdentity(pid) : psIdentity(pid);
}

function linuxIdentity(pid: number): { boot: string; started: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc(5): field 3 is the state, 22 the start time; the name in field 2 may hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return { boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(), started: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

function psIdentity(pid: number): { boot: string; started: string } | undefined {
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return { boot: execFileSync('sysctl', ['-n', 'kern.boottime'], { encoding: 'utf8' }).trim(), started };
  } catch {
    return undefined;
  }
}
