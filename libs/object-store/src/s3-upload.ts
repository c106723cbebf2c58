import type * as S3 from '@aws-sdk/client-s3';
import type { CompletedPart, PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';

import type { MeasuredBody } from './measured-body.js';

/** The SDK, loaded only when S3 is configured. */
export type S3Sdk = typeof S3;

/** What both kinds of upload send with the object. */
export type ObjectInput = Pick<
  PutObjectCommandInput,
  | 'Bucket'
  | 'Key'
  | 'ContentType'
  | 'Metadata'
  | 'ObjectLockMode'
  | 'ObjectLockRetainUntilDate'
  | 'ObjectLockLegalHoldStatus'
  | 'ServerSideEncryption'
>;

const PART_BYTES = 8 * 1024 * 1024;
const MAX_PARTS = 10_000;
const PARTS_AT_ONCE = 3;

export interface Upload {
  sdk: S3Sdk;
  client: S3Client;
  input: ObjectInput;
  ifAbsent: boolean;
  signal: AbortSignal | undefined;
  /** Called when the body has passed whole, before the object becomes visible; throws to leave nothing. */
  beforeVisible(): Promise<void> | void;
}

/** The body in parts of `size` bytes; only the last is shorter, and only an empty body has an empty part. */
export async function* partsOf(
  body: AsyncIterable<Buffer>,
  size: number,
): AsyncGenerator<{ data: Buffer; last: boolean }> {
  let pieces: Buffer[] = [];
  let held = 0;
  for await (let chunk of body) {
    while (held + chunk.length > size) {
      const rest = chunk.subarray(size - held);
      yield { data: Buffer.concat([...pieces, chunk.subarray(0, size - held)], size), last: false };
      [pieces, held, chunk] = [[], 0, rest];
    }
    pieces.push(chunk);
    held += chunk.length;
  }
  yield { data: Buffer.concat(pieces, held), last: true };
}

/** Parts large enough that S3's 10,000 suffice for a body announced as so long. */
export function partBytesFor(announced: number | undefined): number {
  return Math.max(PART_BYTES, Math.ceil((announced ?? 0) / MAX_PARTS));
}

/** Uploads the body in one request if it fits one part, else in several; the version's id, where there is one. */
export async function upload(content: MeasuredBody, partBytes: number, to: Upload): Promise<string | undefined> {
  let parts: PartsUpload | undefined;
  try {
    for await (const { data, last } of partsOf(content, partBytes)) {
      if (last && !parts) return await putWhole(data, content, to);
      parts ??= await PartsUpload.begin(to);
      await parts.add(data);
    }
    return await parts!.complete();
  } catch (error) {
    await parts?.abort();
    throw error;
  }
}

async function putWhole(data: Buffer, content: MeasuredBody, to: Upload): Promise<string | undefined> {
  await to.beforeVisible();
  const Metadata = { ...to.input.Metadata, sha256: content.sha256 };
  const condition = to.ifAbsent ? { IfNoneMatch: '*' } : {};
  const input = { ...to.input, ...condition, Metadata, Body: data, ChecksumSHA256: base64Sha256(data) };
  const { VersionId } = await to.client.send(new to.sdk.PutObjectCommand(input), { abortSignal: to.signal });
  return VersionId;
}

/** One multipart upload; the store checks each part's SHA-256, a few parts travel at once. */
class PartsUpload {
  #number = 0;
  readonly #done: CompletedPart[] = [];
  readonly #sending = new Set<Promise<void>>();

  private constructor(
    private readonly to: Upload,
    private readonly address: Pick<ObjectInput, 'Bucket' | 'Key'> & { UploadId: string | undefined },
  ) {}

  static async begin(to: Upload): Promise<PartsUpload> {
    const command = new to.sdk.CreateMultipartUploadCommand({ ...to.input, ChecksumAlgorithm: 'SHA256' });
    const { UploadId } = await to.client.send(command, { abortSignal: to.signal });
    const { Bucket, Key } = to.input;
    return new PartsUpload(to, { Bucket, Key, UploadId });
  }

  async add(data: Buffer): Promise<void> {
    while (this.#sending.size >= PARTS_AT_ONCE) await Promise.race(this.#sending);
    const sent = this.#send(data, ++this.#number);
    this.#sending.add(sent);
    sent.then(
      () => this.#sending.delete(sent),
      () => undefined, // a failed part stays in the set, so that the next wait throws its error
    );
  }

  async complete(): Promise<string | undefined> {
    await Promise.all(this.#sending);
    await this.to.beforeVisible();
    // If the process dies here, the parts stay at the store unseen, until the bucket's rule for such uploads ends them.
    const Parts = this.#done.sort((a, b) => a.PartNumber! - b.PartNumber!);
    const condition = this.to.ifAbsent ? { IfNoneMatch: '*' } : {};
    const input = { ...this.address, ...condition, MultipartUpload: { Parts } };
    const command = new this.to.sdk.CompleteMultipartUploadCommand(input);
    const { VersionId } = await this.to.client.send(command, { abortSignal: this.to.signal });
    return VersionId;
  }

  /** Frees what was sent; never throws, for the upload has failed already and its own error is the one to tell. */
  async abort(): Promise<void> {
    await Promise.allSettled(this.#sending);
    await this.to.client.send(new this.to.sdk.AbortMultipartUploadCommand(this.address)).catch(() => undefined);
  }

  async #send(data: Buffer, PartNumber: number): Promise<void> {
    const ChecksumSHA256 = base64Sha256(data);
    const command = new this.to.sdk.UploadPartCommand({ ...this.address, PartNumber, Body: data, ChecksumSHA256 });
    const { ETag } = await this.to.client.send(command, { abortSignal: this.to.signal });
    this.#done.push({ PartNumber, ETag, ChecksumSHA256 });
  }
}

function base64Sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('base64');
}
