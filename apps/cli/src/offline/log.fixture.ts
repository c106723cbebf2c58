import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  canonicalBytes,
  CompactRange,
  entriesPath,
  entryBundleBytes,
  formatCheckpoint,
  leafHash,
  noteSigner,
  signNote,
  tileBytes,
  tilePath,
  verifierKeyText,
  parseVerifierKey,
} from '#libs/ledger';
import type { NoteSigner } from '#libs/ledger';

/** A log of events in files, for specs of what reads them. */
export const ORIGIN = 'assay.example/ledger/acme';
export const SEED = new Uint8Array(32).fill(1);
/** Of the seed above: the worked example of docs/design/ledger.md has the same. */
export const VKEY = 'assay.example/ledger/acme+97aa2b73+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c';
export const STRANGER = verifierKeyText(
  parseVerifierKey('witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU'),
);

export const eventBytes = (n: number): Uint8Array =>
  canonicalBytes({
    id: `0198c0de-0000-7000-8000-${n.toString(16).padStart(12, '0')}`,
    ts: '2026-11-21T09:00:00.000Z',
    kind: 'job.created',
    scope: { tenant: 'acme' },
    actor: { type: 'service', id: 'svc-1' },
    data: { attempt: n },
    meta: { schema: 1, service: 'server', version: '0.1.0', env: 'test', received_at: '2026-11-21T09:00:00.001Z' },
  });

/** At most 65,536 entries. */
export function logFiles(
  size: number,
  signers: readonly NoteSigner[] = [noteSigner(ORIGIN, SEED)],
): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const entries = Array.from({ length: size }, (_, n) => eventBytes(n));
  const tree = new CompactRange();
  const above: Uint8Array[] = [];
  for (let index = 0; index * 256 < size; index++) {
    const part = entries.slice(index * 256, index * 256 + 256);
    const hashes = part.map(leafHash);
    files.set(entriesPath({ index, width: part.length }), entryBundleBytes(part));
    files.set(tilePath({ level: 0, index, width: part.length }), tileBytes(hashes));
    const own = new CompactRange();
    for (const hash of hashes) {
      tree.append(hash);
      own.append(hash);
    }
    if (part.length === 256) above.push(own.root());
  }
  if (above.length > 0) files.set(tilePath({ level: 1, index: 0, width: above.length }), tileBytes(above));
  const text = formatCheckpoint({ origin: ORIGIN, size, root: tree.root() });
  return files.set('checkpoint', new TextEncoder().encode(signNote(text, ...signers)));
}

/** The files in a folder of their own, which `remove` removes. */
export async function logFolder(
  files: ReadonlyMap<string, Uint8Array>,
): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'assay-log-'));
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), bytes);
  }
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
