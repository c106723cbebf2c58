import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

const RUN = randomUUID();

/** A name no other put uses, saying which run of which process wrote it. */
export function temporaryName(): string {
  return `${process.pid}.${RUN}.${randomUUID()}`;
}

/** Removes what puts of dead processes left. A put under way, here or in a live process, keeps its file. */
export async function sweepTemporaryFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [pid, run] = name.split('.');
    const ownRun = run === RUN;
    if (ownRun || (Number(pid) !== process.pid && isAlive(Number(pid)))) continue;
    await rm(join(folder, name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
