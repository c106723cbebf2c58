import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uuidv7 } from '#libs/kernel';
import { canonicalBytes } from '#libs/ledger';
import type { SealedEvent } from '../apps/server/src/audit/audit.types.js';

/** A folder of its own for one measurement, removed afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'assay-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Synced writes of 4 KiB a second, one after the other: what the disk allows a lone durable writer. */
export function fdatasyncRate(folder: string, ms = 1_000): number {
  const file = openSync(join(folder, 'fdatasync'), 'w');
  const block = Buffer.alloc(4096, 1);
  const started = performance.now();
  let count = 0;
  for (; performance.now() - started < ms; count++) {
    writeSync(file, block, 0, block.length, count * block.length);
    fdatasyncSync(file);
  }
  closeSync(file);
  return count / ((performance.now() - started) / 1_000);
}

/** An event of the size the main job's have, about 620 bytes. */
export function sealedSample(tenant: string): SealedEvent {
  const id = uuidv7();
  const ts = new Date().toISOString();
  const kind = 'job.created';
  const bytes = canonicalBytes({
    id,
    ts,
    kind,
    scope: { tenant },
    actor: { type: 'service', id: 'bench', client_id: 'bench', token_fingerprint: '0123456789abcdef' },
    refs: {
      job_id: id,
      request_id: '5f0c6f0e-5d5c-4f36-8d35-0d3b1c7f5a10',
      trace_id: '0af7651916cd43dd8448eb211c80319c',
    },
    data: {
      platform: '720',
      priority: 'normal',
      user_id: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      model_sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      ref_images_count: 16,
    },
    meta: { schema: 1, service: 'assay', version: '0.1.0', env: 'bench', received_at: ts },
  });
  return { id, tenant, kind, bytes };
}
