import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EMPTY_ROOT, LedgerError, parseCheckpoint, parseNote } from '#libs/ledger';
import type { Checkpoint } from '#libs/ledger';
import { DRAFT, newFile, syncFolder } from './new-file.js';
import { WitnessError } from './witness.errors.js';

/** The newest checkpoint that was cosigned for an origin, and which turn of that origin it was; turn 0: none yet. */
export interface Latest {
  turn: number;
  size: number;
  root: Uint8Array;
}

const FIRST: Latest = { turn: 0, size: 0, root: EMPTY_ROOT };

/**
 * What was cosigned, a folder for each origin and in it a file for each turn, of which the highest counts. A turn is
 * made by a link that fails when the name is there, so of two that follow the same turn one is kept: checking and
 * persisting are one step, among requests and among processes.
 */
export class WitnessedLogs {
  private constructor(private readonly folder: string) {}

  /** Makes what is missing below `data`. `mustExist`: rejects with WITNESS.STATE_MISSING when all is. */
  static async open(data: string, origins: Iterable<string>, mustExist: boolean): Promise<WitnessedLogs> {
    const folder = join(data, 'logs');
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (made !== undefined && mustExist) {
      await rm(made, { recursive: true });
      throw new WitnessError(
        'WITNESS.STATE_MISSING',
        `expected ${folder}, where what the key has cosigned is kept; make the folder to begin a new witness`,
      );
    }
    const logs = new WitnessedLogs(folder);
    for (const origin of origins) await logs.prepare(origin);
    await syncFolder(folder);
    await syncFolder(data);
    return logs;
  }

  /** Rejects with WITNESS.STATE_UNREADABLE: nothing may be cosigned then. */
  async latest(origin: string): Promise<Latest> {
    const turn = await this.highestTurn(origin);
    if (turn === 0) return FIRST;
    try {
      const { size, root } = this.checkpointIn(await readFile(this.path(origin, turn), 'utf8'), origin);
      return { turn, size, root };
    } catch (error) {
      // Removed because a later turn was made meanwhile.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' && (await this.highestTurn(origin)) > turn) {
        return this.latest(origin);
      }
      throw error;
    }
  }

  /** Keeps the note as the turn after `turn`. False, and nothing is kept, when another has followed it already. */
  async follow(origin: string, turn: number, note: string): Promise<boolean> {
    if (!(await newFile(this.path(origin, turn + 1), note))) return false;
    // If the process dies here, the checkpoint counts as cosigned although nobody has the cosignature: the log is told
    // the size and asks again.
    const turns = await this.turns(origin);
    // One that read an old turn before it was removed can make the next anew: the turns after it show that.
    if (Math.max(...turns) > turn + 1) {
      await rm(this.path(origin, turn + 1), { force: true });
      return false;
    }
    // The one before stays, so that whoever reads the folder meanwhile sees a turn.
    await Promise.all(turns.filter((old) => old < turn).map((old) => rm(this.path(origin, old), { force: true })));
    return true;
  }

  private async prepare(origin: string): Promise<void> {
    const folder = this.folderOf(origin);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(folder)) if (name.startsWith(DRAFT)) await rm(join(folder, name), { force: true });
    await this.latest(origin);
  }

  private checkpointIn(note: string, origin: string): Checkpoint {
    try {
      const checkpoint = parseCheckpoint(parseNote(note).text);
      if (checkpoint.origin === origin) return checkpoint;
    } catch (cause) {
      if (!(cause instanceof LedgerError)) throw cause;
      throw new WitnessError('WITNESS.STATE_UNREADABLE', `what was cosigned for ${origin} is no checkpoint`, { cause });
    }
    throw new WitnessError('WITNESS.STATE_UNREADABLE', `what was cosigned for ${origin} is of another origin`);
  }

  private async highestTurn(origin: string): Promise<number> {
    return Math.max(0, ...(await this.turns(origin)));
  }

  private async turns(origin: string): Promise<number[]> {
    return (await readdir(this.folderOf(origin))).filter((name) => /^\d{16}$/.test(name)).map(Number);
  }

  private folderOf(origin: string): string {
    return join(this.folder, createHash('sha256').update(origin).digest('hex'));
  }

  private path(origin: string, turn: number): string {
    return join(this.folderOf(origin), String(turn).padStart(16, '0'));
  }
}
