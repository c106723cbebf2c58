import { link, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { Settings } from '../../settings.js';
import { AuditError } from '../audit.errors.js';
import { FIRST_INCARNATION, originOf } from '../domain/origin.js';
import { readIfThere, syncedFolder, writtenBeside } from '../keys/key-files.js';
import { markText, parsedMark, sameMark, type Mark } from '../domain/high-water-mark.js';

/** A mark, and which incarnation of the ledger it is of. */
export interface KeptMark {
  incarnation: number;
  mark: Mark;
}

/** What kept marks are asked for: the files below, or a test's memory. */
export interface HighWater {
  /** The mark of the newest incarnation, and of that the one of the largest size; undefined when there is none. */
  newest(): Promise<KeptMark | undefined>;
  /**
   * Put if absent. Once resolved the mark survives a power cut. Resolves with what is there beside it of this
   * incarnation above `base`: marks of other signers, which were put before this resolved or will see this one.
   * Rejects with AUDIT.CONTRADICTED when another tree of this size was marked.
   */
  put(kept: KeptMark, base: number): Promise<Mark[]>;
  /** Forgets the smaller marks of this incarnation: a larger one that has them all as a prefix is kept. */
  forgetBelow(kept: KeptMark): Promise<void>;
}

const NAME = /^([1-9]\d{0,8})-(\d{16})$/;

/**
 * The high-water marks in `<data>/keys/high-water/<tenant>/<incarnation>-<size>`, outside the database. One file is
 * written once and never changed; the largest one counts. So of several processes on this folder none can set the mark
 * back, and each sees what another is about to sign.
 */
@Injectable()
export class HighWaterFiles {
  private readonly folder: string;

  constructor(@Inject(Settings) private readonly settings: Pick<Settings, 'dataDir' | 'origin'>) {
    this.folder = join(settings.dataDir, 'keys', 'high-water');
  }

  /** Every tenant of whose ledger a tree was ever marked here. */
  async tenants(): Promise<string[]> {
    return namesIn(this.folder);
  }

  of(tenant: string): HighWater {
    originOf(this.settings.origin, tenant); // a tenant id, or else it could name any folder
    return {
      newest: () => this.newest(tenant),
      put: (kept, base) => this.put(tenant, kept, base),
      forgetBelow: (kept) => this.forgetBelow(tenant, kept),
    };
  }

  private async newest(tenant: string): Promise<KeptMark | undefined> {
    for (;;) {
      const newest = (await this.listed(tenant)).at(-1);
      if (!newest) return this.ofOlderVersion(tenant);
      const mark = await this.read(tenant, newest);
      // Gone since: a signer that put a larger one has forgotten it.
      if (mark) return { incarnation: newest.incarnation, mark };
    }
  }

  private async put(tenant: string, { incarnation, mark }: KeptMark, base: number): Promise<Mark[]> {
    const file = { incarnation, size: mark.size };
    const path = this.path(tenant, file);
    if (!(await putIfAbsent(path, markText(mark)))) {
      const there = await this.read(tenant, file);
      if (there && !sameMark(there, mark)) {
        throw new AuditError('AUDIT.CONTRADICTED', `another tree of size ${mark.size} of ${tenant} was marked`);
      }
    }
    const others: Mark[] = [];
    for (const other of await this.listed(tenant)) {
      if (other.incarnation !== incarnation || other.size <= base || other.size === mark.size) continue;
      // One that is gone since was a prefix of a larger one, which this list has or whose signer sees our mark.
      const read = await this.read(tenant, other);
      if (read) others.push(read);
    }
    return others;
  }

  private async forgetBelow(tenant: string, { incarnation, mark }: KeptMark): Promise<void> {
    const listed = await this.listed(tenant);
    const smaller = listed.filter((file) => file.incarnation === incarnation && file.size < mark.size);
    await Promise.all(smaller.map((file) => rm(this.path(tenant, file), { force: true })));
  }

  /** One file `<data>/keys/marks/<tenant>`, replaced each time: until the first mark is put beside the new ones. */
  private async ofOlderVersion(tenant: string): Promise<KeptMark | undefined> {
    const text = await readIfThere(join(dirname(this.folder), 'marks', tenant));
    if (text === undefined) return undefined;
    return { incarnation: FIRST_INCARNATION, mark: parsedMark(text, originOf(this.settings.origin, tenant)) };
  }

  private async listed(tenant: string): Promise<MarkFile[]> {
    const names = await namesIn(join(this.folder, tenant));
    return names
      .flatMap((name) => {
        const [, incarnation, size] = NAME.exec(name) ?? [];
        return incarnation === undefined ? [] : [{ incarnation: Number(incarnation), size: Number(size) }];
      })
      .sort((a, b) => a.incarnation - b.incarnation || a.size - b.size);
  }

  private async read(tenant: string, file: MarkFile): Promise<Mark | undefined> {
    const text = await readIfThere(this.path(tenant, file));
    if (text === undefined) return undefined;
    const mark = parsedMark(text, originOf(this.settings.origin, tenant, file.incarnation));
    if (mark.size === file.size) return mark;
    throw new AuditError('AUDIT.MARK_UNREADABLE', `a mark of ${tenant} is named ${file.size} and is of ${mark.size}`);
  }

  private path(tenant: string, { incarnation, size }: MarkFile): string {
    return join(this.folder, tenant, `${incarnation}-${size.toString().padStart(16, '0')}`);
  }
}

interface MarkFile {
  incarnation: number;
  size: number;
}

/** False when the file was there. Once resolved, it survives a power cut either way. */
async function putIfAbsent(path: string, content: string): Promise<boolean> {
  const folder = dirname(path);
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = await writtenBeside(path, content);
  // If the process dies here, a file that nobody names is left.
  const put = await link(temporary, path).then(
    () => true,
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    },
  );
  await rm(temporary, { force: true });
  await syncedFolder(folder);
  if (made !== undefined) for (const above of [dirname(folder), dirname(dirname(folder))]) await syncedFolder(above);
  return put;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
}
