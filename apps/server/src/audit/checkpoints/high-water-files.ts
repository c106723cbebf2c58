import { link, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { Settings } from '../../settings.js';
import { AuditError } from '../audit.errors.js';
import { FIRST_INCARNATION, originOf } from '../domain/origin.js';
import { readIfThere, syncedFolder, writtenBeside } from '../keys/key-files.js';
import { markText, parsedMark, sameMark, type Mark } from '../domain/high-water-mark.js';

/** Marks of one incarnation of a ledger, by size: one, or several while signers take turns at once or after a crash. */
export interface KeptMarks {
  incarnation: number;
  marks: Mark[];
}

/** What kept marks are asked for: the files below, or a test's memory. */
export interface HighWater {
  /** Those of the newest incarnation, `before` one where that is given; undefined when there is none. */
  newest(before?: number): Promise<KeptMarks | undefined>;
  /**
   * Put if absent. Once resolved the mark survives a power cut. Resolves with what is there beside it of this
   * incarnation above `base`: marks of other signers, which were put before this resolved or will see this one.
   * Rejects with AUDIT.CONTRADICTED when another tree of this size was marked.
   */
  put(incarnation: number, mark: Mark, base: number): Promise<Mark[]>;
  /** Forgets these: a larger one that has them all as a prefix is kept. */
  forget(incarnation: number, sizes: readonly number[]): Promise<void>;
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
      newest: (before) => this.newest(tenant, before),
      put: (incarnation, mark, base) => this.put(tenant, incarnation, mark, base),
      forget: async (incarnation, sizes) => {
        await Promise.all(sizes.map((size) => rm(this.path(tenant, { incarnation, size }), { force: true })));
      },
    };
  }

  private async newest(tenant: string, before = Number.MAX_SAFE_INTEGER): Promise<KeptMarks | undefined> {
    for (;;) {
      const listed = (await this.listed(tenant)).filter(({ incarnation }) => incarnation < before);
      const incarnation = listed.at(-1)?.incarnation;
      if (incarnation === undefined) return this.ofOlderVersion(tenant);
      const files = listed.filter((file) => file.incarnation === incarnation);
      const marks = await Promise.all(files.map((file) => this.read(tenant, file)));
      // One that is gone since was forgotten for a larger one, which may not be in this list.
      if (marks.every((mark) => mark !== undefined)) return { incarnation, marks };
    }
  }

  private async put(tenant: string, incarnation: number, mark: Mark, base: number): Promise<Mark[]> {
    const file = { incarnation, size: mark.size };
    if (!(await putIfAbsent(this.path(tenant, file), markText(mark)))) {
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

  /** One file `<data>/keys/marks/<tenant>`, replaced each time: until the first mark is put beside the new ones. */
  private async ofOlderVersion(tenant: string): Promise<KeptMarks | undefined> {
    const text = await readIfThere(join(dirname(this.folder), 'marks', tenant));
    if (text === undefined) return undefined;
    return { incarnation: FIRST_INCARNATION, marks: [parsedMark(text, originOf(this.settings.origin, tenant))] };
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
