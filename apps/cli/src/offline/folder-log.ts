import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TlogSource } from '#libs/ledger';

/** A log in a folder, as `assay audit export` or any copy of its files has it. */
export const folderLog = (folder: string): TlogSource => ({
  read: async (path) => {
    try {
      return new Uint8Array(await readFile(join(folder, path)));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
});

const isMissing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes((error as { code?: string }).code ?? '');
