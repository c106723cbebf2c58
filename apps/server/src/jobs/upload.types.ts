import type { ModelFile, ReferenceImage } from './jobs.types.js';

/** One part of a multipart body, in the order it arrives. A file's body must be read before the next part comes. */
export type UploadPart =
  | { kind: 'field'; name: string; value: string }
  | { kind: 'file'; name: string; file_name: string; body: AsyncIterable<Uint8Array> };

/** What arrived and lies in the object store, under a job id that is no job yet. */
export interface Upload {
  job_id: string;
  /** Values by field, in order; a field may come several times. */
  fields: Readonly<Record<string, readonly string[]>>;
  model: ModelFile;
  images: ReferenceImage[];
}
