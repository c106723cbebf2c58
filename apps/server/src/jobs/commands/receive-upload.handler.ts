import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { uuidv7, type ErrorDetail } from '#libs/kernel';
import { Settings } from '../../settings.js';
import { safeFileName } from '../domain/file-name.js';
import { JobsError } from '../jobs.errors.js';
import type { ModelFile, ReferenceImage } from '../jobs.types.js';
import { UploadStore } from '../storage/upload.store.js';
import type { Upload, UploadPart } from '../upload.types.js';
import { ReceiveUpload } from './receive-upload.command.js';

type FilePart = Extract<UploadPart, { kind: 'file' }>;

/** `ref_images`, `ref_images[]`, or `ref_images[<input>]` to name the model's input the image is for. */
const IMAGE_PART = /^ref_images(?:\[([^[\]]{0,200})\])?$/;

@CommandHandler(ReceiveUpload)
export class ReceiveUploadHandler implements ICommandHandler<ReceiveUpload> {
  constructor(
    private readonly uploads: UploadStore,
    private readonly settings: Settings,
  ) {}

  async execute({ tenant, parts }: ReceiveUpload): Promise<Upload> {
    const jobId = uuidv7();
    await this.uploads.begin(tenant, jobId);
    // If the process dies from here on, the sweep finds the upload and removes what was stored.
    try {
      return await this.received(tenant, jobId, parts);
    } catch (error) {
      await this.uploads.discard(tenant, jobId);
      throw error;
    }
  }

  private async received(tenant: string, jobId: string, parts: AsyncIterable<UploadPart>): Promise<Upload> {
    const fields: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
    const images: ReferenceImage[] = [];
    let model: ModelFile | undefined;
    for await (const part of parts) {
      if (part.kind === 'field') (fields[part.name] ??= []).push(part.value);
      else if (part.name === 'model') model = await this.model(tenant, jobId, part, model);
      else images.push(await this.image(tenant, jobId, part, images.length));
    }
    if (!model) throw invalid({ pointer: '/model', code: 'required', detail: 'expected a file, found none' });
    return { job_id: jobId, fields, model, images };
  }

  private async model(
    tenant: string,
    jobId: string,
    part: FilePart,
    before: ModelFile | undefined,
  ): Promise<ModelFile> {
    if (before) throw invalid({ pointer: '/model', code: 'repeated', detail: 'expected one model, found a second' });
    const name = safeFileName(part.file_name, 'model.onnx');
    if (name.toLowerCase().endsWith('.zip')) {
      const detail = 'expected one .onnx file; a .zip with external data is not accepted here';
      throw invalid({ pointer: '/model', code: 'external_data_not_supported', detail });
    }
    if (!name.toLowerCase().endsWith('.onnx')) {
      throw invalid({ pointer: '/model', code: 'not_onnx', detail: 'expected a file name that ends in .onnx' });
    }
    const body = atMost(part.body, this.settings.jobs.maxModelBytes, '/model');
    const stored = await this.uploads.put(tenant, jobId, 'model.onnx', body);
    return { ...stored, name };
  }

  private async image(tenant: string, jobId: string, part: FilePart, index: number): Promise<ReferenceImage> {
    const match = IMAGE_PART.exec(part.name);
    if (!match) {
      const detail = 'expected the files model and ref_images[], found another';
      throw invalid({ pointer: `/${pointerToken(part.name)}`, code: 'unknown_file', detail });
    }
    const { maxImages, maxImageBytes } = this.settings.jobs;
    const pointer = `/ref_images/${index}`;
    if (index >= maxImages) {
      const detail = { pointer, code: 'too_many_files', detail: `expected at most ${maxImages} images, found more` };
      throw new JobsError('JOBS.TOO_MANY_FILES', detail.detail, { details: [detail] });
    }
    const name = `refs/${String(index).padStart(3, '0')}`;
    const stored = await this.uploads.put(tenant, jobId, name, atMost(part.body, maxImageBytes, pointer));
    if (stored.bytes === 0) throw invalid({ pointer, code: 'empty_file', detail: 'expected an image, found 0 bytes' });
    return match[1] ? { ...stored, input: match[1] } : stored;
  }
}

async function* atMost(body: AsyncIterable<Uint8Array>, max: number, pointer: string): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > max) {
      const detail = `expected at most ${max} bytes, found more`;
      throw new JobsError('JOBS.FILE_TOO_LARGE', `${pointer.slice(1)}: ${detail}`, {
        details: [{ pointer, code: 'file_too_large', detail }],
      });
    }
    yield chunk;
  }
}

function invalid(detail: ErrorDetail): JobsError {
  return new JobsError('JOBS.INPUT_INVALID', `${detail.pointer.slice(1)}: ${detail.detail}`, { details: [detail] });
}

/** RFC 6901 §3, cut: the name is the caller's. */
function pointerToken(name: string): string {
  return name.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');
}
