import { constants, createWriteStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { derivedId } from '#libs/kernel';
import type { ObjectStore } from '#libs/object-store';
import type { InputFiles } from '../child/child.types.js';
import { ConversionError } from '../conversion.errors.js';
import type { ConversionInput, TaskArtifact } from '../conversion.types.js';
import type { Task } from '../domain/task.js';
import type { Artifact } from '../driver/driver.types.js';

const FILES = {
  'reference-package': { name: 'out.kref.zip', type: 'application/zip' },
  'report-json': { name: 'report.json', type: 'application/json' },
  'report-html': { name: 'report.html', type: 'text/html; charset=utf-8' },
  log: { name: 'log.ndjson', type: 'application/x-ndjson' },
} as const satisfies Record<TaskArtifact['kind'], { name: string; type: string }>;

/** Below this lies what the holders of a task made, each under its token. */
export function workPrefix({ tenant, job_id }: Pick<Task, 'tenant' | 'job_id'>): string {
  return `tenants/${tenant}/jobs/${job_id}/work/`;
}

/**
 * Copies the inputs of a task to a folder. Rejects with CONVERSION.INPUT_CHANGED when an object is not what was
 * uploaded, and with the store's errors.
 */
export async function fetchInputs(
  input: ConversionInput,
  folder: string,
  objects: Pick<ObjectStore, 'get'>,
  signal: AbortSignal,
): Promise<InputFiles> {
  await mkdir(folder, { mode: 0o700 });
  const model = join(folder, 'model.onnx');
  await fetchObject(input.model, model, objects, signal);
  const references: string[] = [];
  for (const [index, reference] of input.references.entries()) {
    const file = join(folder, `reference-${String(index).padStart(4, '0')}`);
    await fetchObject(reference, file, objects, signal);
    references.push(file);
  }
  return { model, references };
}

export async function fetchObject(
  { key, sha256 }: { key: string; sha256: string },
  file: string,
  objects: Pick<ObjectStore, 'get'>,
  signal?: AbortSignal,
): Promise<void> {
  const { body, sha256: stored } = await objects.get(key, { signal });
  if (stored !== sha256) {
    body.destroy();
    throw new ConversionError('CONVERSION.INPUT_CHANGED', `expected an object of SHA-256 ${sha256}, found ${stored}`);
  }
  await pipeline(body, createWriteStream(file, { mode: 0o600 }), { signal });
}

/**
 * Stores what the driver left in `folder`. Digests and sizes are the driver's word, checked while the bytes pass; a
 * file that is no plain file of the known names is not followed.
 */
export async function storeArtifacts(
  task: Task,
  made: readonly Artifact[],
  folder: string,
  objects: Pick<ObjectStore, 'put'>,
): Promise<TaskArtifact[]> {
  const stored: TaskArtifact[] = [];
  for (const { kind, file, bytes, sha256 } of made) {
    if (!isStoredKind(kind) || file !== FILES[kind].name) continue;
    const handle = await open(join(folder, file), constants.O_RDONLY | constants.O_NOFOLLOW);
    const artifact = artifactOf(task, kind, { bytes, sha256 });
    await objects.put(artifact.key, handle.createReadStream(), {
      bytes,
      expectedSha256: sha256,
      contentType: artifact.media_type,
    });
    stored.push(artifact);
  }
  return stored;
}

export async function storeLog(task: Task, lines: string, objects: Pick<ObjectStore, 'put'>): Promise<TaskArtifact> {
  const { name, type } = FILES.log;
  const body = Readable.from([Buffer.from(lines)]);
  const { bytes, sha256 } = await objects.put(`${workPrefix(task)}${task.token}/${name}`, body, { contentType: type });
  return artifactOf(task, 'log', { bytes, sha256 });
}

/** Removes what lies below a task's work folder and is named by no outcome. */
export async function sweepWork(
  task: Task,
  prefix: string,
  objects: Pick<ObjectStore, 'list' | 'delete'>,
): Promise<void> {
  const named = new Set(task.outcome?.artifacts.map(({ key }) => key));
  for await (const { key } of objects.list(prefix)) {
    if (!named.has(key)) await objects.delete(key);
  }
}

function artifactOf(
  task: Task,
  kind: TaskArtifact['kind'],
  { bytes, sha256 }: { bytes: number; sha256: string },
): TaskArtifact {
  const { name, type } = FILES[kind];
  return {
    id: derivedId(task.id, `${task.token}/${name}`),
    kind,
    key: `${workPrefix(task)}${task.token}/${name}`,
    bytes,
    sha256,
    file_name: name,
    media_type: type,
    vendor: false,
  };
}

function isStoredKind(kind: Artifact['kind']): kind is TaskArtifact['kind'] & Artifact['kind'] {
  return kind !== 'log' && Object.hasOwn(FILES, kind);
}
