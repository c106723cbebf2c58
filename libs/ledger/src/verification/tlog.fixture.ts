import { canonicalBytes, formatCheckpoint, leafHash, noteSigner, signNote, verifyTlog } from '../index.js';
import type { TlogOptions, VerificationReport } from '../index.js';
import * as naive from '../naive-tree.fixture.js';
import { utf8 } from '../bytes.js';
import { eventOf, KEY, ORIGIN, SEED } from './hostile-ledger.fixture.js';

/** A log as files, written by the definitions of C2SP tlog-tiles with nothing of the library but the leaf hash. */
export type TlogFiles = Map<string, Uint8Array>;

export const eventBytes = (n: number): Uint8Array => canonicalBytes(eventOf(n));

export function tlogOf(entries: readonly Uint8Array[], sign = signed): TlogFiles {
  const files: TlogFiles = new Map();
  let hashes = entries.map(leafHash);
  const root = naive.mth(hashes);
  const ranges = (length: number): number[] => Array.from({ length: Math.ceil(length / 256) }, (_, i) => i);
  const suffix = (i: number, length: number): string => {
    const path = i < 1000 ? String(i).padStart(3, '0') : `x${String(i / 1000 | 0).padStart(3, '0')}/${String(i % 1000).padStart(3, '0')}`; // prettier-ignore
    return length - i * 256 >= 256 ? path : `${path}.p/${length - i * 256}`;
  };
  for (const i of ranges(entries.length)) {
    const bundle = entries.slice(i * 256, i * 256 + 256).flatMap((entry) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(entry.length);
      return [length, entry];
    });
    files.set(`tile/entries/${suffix(i, entries.length)}`, new Uint8Array(Buffer.concat(bundle)));
  }
  for (let level = 0; hashes.length > 0; level++) {
    for (const i of ranges(hashes.length)) {
      const tile = hashes.slice(i * 256, i * 256 + 256);
      files.set(`tile/${level}/${suffix(i, hashes.length)}`, new Uint8Array(Buffer.concat(tile)));
    }
    const full = Math.floor(hashes.length / 256);
    hashes = Array.from({ length: full }, (_, i) => naive.mth(hashes.slice(i * 256, i * 256 + 256)));
  }
  return files.set('checkpoint', utf8(sign(entries.length, root)));
}

export const signed = (size: number, root: Uint8Array, seed = SEED, origin = ORIGIN): string =>
  signNote(formatCheckpoint({ origin, size, root }), noteSigner(origin, seed));

export const verifiedTlog = (files: TlogFiles, options: Partial<TlogOptions> = {}): Promise<VerificationReport> =>
  verifyTlog({
    read: (path) => Promise.resolve(files.get(path)),
    keys: { verifierKeys: [KEY], pinned: true },
    ...options,
  });

/** The files with one of them changed; the others are shared. */
export function changed(files: TlogFiles, path: string, change: (bytes: Uint8Array) => Uint8Array): TlogFiles {
  const bytes = files.get(path);
  if (bytes === undefined) throw new Error(`the log has no ${path}`);
  return new Map(files).set(path, change(new Uint8Array(bytes)));
}

export const flipAt =
  (at: number, bit = 0) =>
  (bytes: Uint8Array): Uint8Array =>
    bytes.with(at, (bytes[at] as number) ^ (1 << bit));
