import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import fc from 'fast-check';
import type { UploadPart } from '../upload.types.js';
import { uploadParts } from './multipart.js';

const BOUNDARY = 'frontier';

function requestOf(contentType = `multipart/form-data; boundary=${BOUNDARY}`) {
  const stream = new PassThrough();
  const request = Object.assign(stream, { headers: { 'content-type': contentType }, complete: false });
  return {
    request: request as unknown as IncomingMessage,
    end: (bytes: Buffer | string): void => {
      request.complete = true;
      stream.end(bytes);
    },
    cut: (bytes: Buffer | string): void => {
      stream.write(bytes);
      setImmediate(() => stream.destroy());
    },
    stream,
  };
}

function field(name: string, value: string): string {
  return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
}

function file(name: string, fileName: string, content: string): string {
  return (
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"; filename="${fileName}"\r\n` +
    `Content-Type: application/octet-stream\r\n\r\n${content}\r\n`
  );
}

const END = `--${BOUNDARY}--\r\n`;

type Read = { name: string; value?: string; file_name?: string; content?: string };

async function readAll(parts: AsyncIterable<UploadPart>): Promise<Read[]> {
  const read: Read[] = [];
  for await (const part of parts) {
    if (part.kind === 'field') read.push({ name: part.name, value: part.value });
    else {
      const chunks: Uint8Array[] = [];
      for await (const chunk of part.body) chunks.push(chunk);
      read.push({ name: part.name, file_name: part.file_name, content: Buffer.concat(chunks).toString('latin1') });
    }
  }
  return read;
}

describe('uploadParts', () => {
  it('gives fields and files in the order they came, whichever is first', async () => {
    const { request, end } = requestOf();
    end(file('model', 'net.onnx', 'MODEL') + field('platform', '520') + file('ref_images[]', 'é.png', 'PNG') + END);
    await expect(readAll(uploadParts(request))).resolves.toEqual([
      { name: 'model', file_name: 'net.onnx', content: 'MODEL' },
      { name: 'platform', value: '520' },
      { name: 'ref_images[]', file_name: 'é.png', content: 'PNG' },
    ]);
  });

  it('gives the same parts however the body is cut into chunks', async () => {
    const whole = Buffer.from(
      file('model', 'net.onnx', `x\r\n--${BOUNDARY.slice(1)}x`.repeat(40)) + field('a', 'b') + END,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), async (sizes) => {
        const { request, end, stream } = requestOf();
        const reading = readAll(uploadParts(request));
        let at = 0;
        for (const size of sizes) {
          if (at + size >= whole.length) break;
          stream.write(whole.subarray(at, at + size));
          at += size;
        }
        end(whole.subarray(at));
        const [model, last] = await reading;
        expect(model?.content).toBe(`x\r\n--${BOUNDARY.slice(1)}x`.repeat(40));
        expect(last).toEqual({ name: 'a', value: 'b' });
      }),
      { numRuns: 30 },
    );
  });

  it('reads and drops the rest of the body when the reader stops', async () => {
    const { request, end, stream } = requestOf();
    end(field('a', '1') + file('model', 'net.onnx', 'x'.repeat(3_000_000)) + END);
    for await (const part of uploadParts(request)) {
      expect(part.name).toBe('a');
      break;
    }
    await finished(stream);
    expect(stream.readableLength).toBe(0);
  });

  describe('when the content is not multipart', () => {
    it.each(['application/json', '', 'multipart/mixed; boundary=a'])(
      'rejects %j with JOBS.NOT_MULTIPART',
      async (type) => {
        await expect(readAll(uploadParts(requestOf(type).request))).rejects.toMatchObject({
          code: 'JOBS.NOT_MULTIPART',
        });
      },
    );
  });

  describe('when the body is malformed', () => {
    it.each([
      ['no boundary in the header', 'multipart/form-data', ''],
      ['no closing boundary', undefined, field('a', '1')],
      ['nothing at all', undefined, ''],
      ['a part header without an end', undefined, `--${BOUNDARY}\r\nContent-Disposition: form-data; name="a"`],
      ['a header line that is none', undefined, `--${BOUNDARY}\r\n\u0001bad\u0002\r\n\r\nx\r\n${END}`],
      ['a file without an end', undefined, file('model', 'a.onnx', 'abc')],
      ['more than 64 fields', undefined, field('a', '1').repeat(65) + END],
    ])('rejects %s with JOBS.UPLOAD_MALFORMED', async (_what, type, body) => {
      const { request, end } = requestOf(type);
      end(body);
      await expect(readAll(uploadParts(request))).rejects.toMatchObject({ code: 'JOBS.UPLOAD_MALFORMED' });
    });
  });

  it('rejects a field of more than 64 KiB with JOBS.FILE_TOO_LARGE, naming it', async () => {
    const { request, end } = requestOf();
    end(field('preprocess', 'x'.repeat(65 * 1024)) + END);
    await expect(readAll(uploadParts(request))).rejects.toMatchObject({
      code: 'JOBS.FILE_TOO_LARGE',
      details: [{ pointer: '/preprocess' }],
    });
  });

  it('rejects with JOBS.UPLOAD_INTERRUPTED when the connection ends inside a file', async () => {
    const { request, cut } = requestOf();
    cut(file('model', 'a.onnx', 'x'.repeat(200_000)).slice(0, 150_000));
    await expect(readAll(uploadParts(request))).rejects.toMatchObject({ code: 'JOBS.UPLOAD_INTERRUPTED' });
  });
});
