import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import busboy from 'busboy';
import { JobsError } from '../jobs.errors.js';
import type { UploadPart } from '../upload.types.js';

const MAX_FIELDS = 64;
const MAX_FIELD_BYTES = 64 * 1024;

/** What is still read of a body that is refused: most callers hear an answer only after they have sent theirs. */
const DROPPED_BYTES = 64 * 1024 * 1024;
const DROPPED_MS = 10_000;

/**
 * The parts of a multipart body as they arrive, never more than a few buffers of them in memory. When the reading
 * ends early the rest of the body is read and dropped, up to 64 MiB or ten seconds of it, before this returns.
 *
 * Throws JOBS.NOT_MULTIPART, JOBS.UPLOAD_MALFORMED and, when the body breaks off, JOBS.UPLOAD_INTERRUPTED.
 */
export async function* uploadParts(request: IncomingMessage): AsyncGenerator<UploadPart, void, undefined> {
  const parser = parserOf(request);
  const parts = new Readable({ objectMode: true, read: () => undefined });
  const fail = (error: JobsError) => {
    parts.destroy(error);
    parser.destroy(error);
  };
  const closed = () => {
    if (!request.complete) fail(interrupted());
  };
  parser.on('error', (error) => fail(error instanceof JobsError ? error : malformed((error as Error).message)));
  parser.on('close', () => parts.push(null));
  parser.on('fieldsLimit', () => fail(malformed(`expected at most ${MAX_FIELDS} fields, found more`)));
  parser.on('field', (name = '', value, { valueTruncated }) => {
    if (valueTruncated) fail(fieldTooLarge(name));
    else parts.push({ kind: 'field', name, value } satisfies UploadPart);
  });
  parser.on('file', (name = '', body, { filename = '' }) => {
    body.on('error', () => undefined); // whoever reads the body hears of it; a body nobody reads must not end us
    parts.push({ kind: 'file', name, file_name: nameOf(filename), body } satisfies UploadPart);
  });
  request.once('error', closed).once('close', closed).pipe(parser);
  try {
    yield* parts as AsyncIterable<UploadPart>;
  } finally {
    request.unpipe(parser).off('close', closed);
    parser.destroy();
    await dropped(request);
  }
}

/** Browsers write a quote and line breaks of a name so (WHATWG HTML, multipart/form-data encoding). */
function nameOf(filename: string): string {
  return filename.replace(/%(22|0D|0A)/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function parserOf(request: IncomingMessage): busboy.Busboy {
  if (!/^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')) {
    throw new JobsError('JOBS.NOT_MULTIPART', 'expected multipart/form-data, found another content type');
  }
  try {
    return busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      limits: { fields: MAX_FIELDS, fieldSize: MAX_FIELD_BYTES, fieldNameSize: 256 },
    });
  } catch (cause) {
    throw malformed((cause as Error).message);
  }
}

async function dropped(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return void request.resume();
  let bytes = 0;
  const enough = new AbortController();
  const count = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > DROPPED_BYTES) enough.abort();
  };
  const signal = AbortSignal.any([enough.signal, AbortSignal.timeout(DROPPED_MS)]);
  request.on('data', count).resume();
  await finished(request, { signal, writable: false }).catch(() => undefined);
  request.off('data', count).resume();
}

function malformed(found: string): JobsError {
  return new JobsError('JOBS.UPLOAD_MALFORMED', `expected a well-formed multipart body: ${found}`);
}

function interrupted(): JobsError {
  return new JobsError('JOBS.UPLOAD_INTERRUPTED', 'expected the whole request body, it broke off');
}

function fieldTooLarge(name: string): JobsError {
  const detail = `expected at most ${MAX_FIELD_BYTES} bytes, found more`;
  const pointer = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  return new JobsError('JOBS.FILE_TOO_LARGE', `${name}: ${detail}`, {
    details: [{ pointer, code: 'field_too_large', detail }],
  });
}
