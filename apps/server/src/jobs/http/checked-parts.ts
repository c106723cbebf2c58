import { validated } from '../../http/validation.js';
import type { UploadPart } from '../upload.types.js';
import { plainFields, SubmitJobDto } from './submit-job.dto.js';

/**
 * The same parts. When the first file comes, the fields before it are validated, so that a wrong one is told before
 * the file is stored; one that is missing may still come. Throws HTTP.INPUT_INVALID and JOBS.INPUT_INVALID.
 */
export async function* checkedParts(parts: AsyncIterable<UploadPart>): AsyncGenerator<UploadPart, void, undefined> {
  const fields = Object.create(null) as Record<string, string[]>;
  let filesSeen = 0;
  for await (const part of parts) {
    if (part.kind === 'field') (fields[part.name] ??= []).push(part.value);
    else if (++filesSeen === 1) validated(SubmitJobDto, plainFields(fields), { partial: true });
    yield part;
  }
}
