import { randomUUID } from 'node:crypto';
import { access, mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { entriesPath, LedgerError, parseCheckpoint, parseNote, TILE_WIDTH, tilePath, tileWidthAt } from '#libs/ledger';
import type { TlogSource } from '#libs/ledger';
import { CliError } from '../cli.errors.js';

export interface MirrorOptions {
  source: TlogSource;
  folder: string;
  progress: (files: { done: number; of: number }) => void;
}

const AT_A_TIME = 8;

/**
 * Copies a log's files into a folder that `assay verify` reads: the tiles and bundles of its checkpoint, and that last, so
 * that a copy cut short has no checkpoint that it cannot show. What is there of full tiles is kept: they never change, and
 * verifying compares them. Copies, verifies nothing. Throws TLOG_NO_CHECKPOINT, CLI.ANSWER_MALFORMED when the log lacks a
 * file of its own checkpoint, CLI.TARGET_UNWRITABLE, or what the source throws.
 */
export async function mirrorLog({
  source,
  folder,
  progress,
}: MirrorOptions): Promise<{ origin: string; size: number }> {
  const checkpoint = await source.read('checkpoint');
  if (checkpoint === undefined) throw new LedgerError('LEDGER.TLOG_NO_CHECKPOINT', 'the log has no checkpoint');
  const { origin, size } = parseCheckpoint(parseNote(new TextDecoder().decode(checkpoint)).text);
  const paths = pathsOf(size);
  let [next, done] = [0, 0];
  const copyNext = async (): Promise<void> => {
    for (let path = paths[next++]; path !== undefined; path = paths[next++]) {
      await copy(source, folder, path);
      progress({ done: ++done, of: paths.length });
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, copyNext));
  for (const served of ['vkey', 'jwks.json']) {
    const bytes = await source.read(served);
    if (bytes !== undefined) await write(join(folder, served), bytes);
  }
  await write(join(folder, 'checkpoint'), checkpoint);
  return { origin, size };
}

/** Every tile and bundle of the tree of this size. */
function pathsOf(size: number): string[] {
  const paths: string[] = [];
  for (let level = 0; TILE_WIDTH ** level <= size; level++) {
    for (let index = 0; ; index++) {
      const width = tileWidthAt({ level, index, size });
      if (width === 0) break;
      paths.push(tilePath({ level, index, width }));
      if (level === 0) paths.push(entriesPath({ index, width }));
    }
  }
  return paths;
}

/** A partial tile that the log no longer has is taken from the full one, under its name (C2SP tlog-tiles). */
async function copy(source: TlogSource, folder: string, path: string): Promise<void> {
  const full = path.replace(/\.p\/\d+$/, '');
  if (await isThere(join(folder, full))) return;
  for (const name of new Set([path, full])) {
    const bytes = await source.read(name);
    if (bytes !== undefined) return write(join(folder, name), bytes);
  }
  throw new CliError('CLI.ANSWER_MALFORMED', `the log has no ${path}, which its checkpoint needs`);
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function write(target: string, bytes: Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(target), { recursive: true });
    const draft = `${target}.${randomUUID()}`;
    await writeFile(draft, bytes, { flag: 'wx' });
    await rename(draft, target);
  } catch (cause) {
    throw new CliError('CLI.TARGET_UNWRITABLE', `cannot write ${target}`, { cause });
  }
}
