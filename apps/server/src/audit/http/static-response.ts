import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Request, Response } from 'express';
import { isKnownTag } from '../../http/etag.js';

const zipped = promisify(gzip);

/** What is served as if it were a file: its content is a function of its name, or changes with its tag. */
export interface StaticContent {
  body: Uint8Array;
  type: 'text/plain; charset=utf-8' | 'application/octet-stream';
  /** Seconds that a cache may keep it; for ever when it never changes. */
  keep: number | 'for ever';
  /** Whether caches that serve others may keep it too. */
  isPublic: boolean;
  /** Compressed for whoever asks for gzip. */
  compressible: boolean;
}

/** Answers 200 with the content, or 304 to a request that has it (RFC 9110 §13.1.2). */
export async function sendStatic(request: Request, response: Response, content: StaticContent): Promise<void> {
  const { body, type, keep, isPublic, compressible } = content;
  const zip = compressible && request.acceptsEncodings('gzip', 'identity') === 'gzip';
  const etag = `"${createHash('sha256').update(body).digest('base64url')}${zip ? '-gzip' : ''}"`;
  response.setHeader('ETag', etag);
  const age = keep === 'for ever' ? 'max-age=31536000, immutable' : `max-age=${keep}`;
  response.setHeader('Cache-Control', `${isPublic ? 'public' : 'private'}, ${age}`);
  if (compressible) response.setHeader('Vary', 'Accept-Encoding');
  if (isKnownTag(request.header('if-none-match'), etag)) {
    response.status(304).end();
    return;
  }
  const sent = zip ? await zipped(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (zip) response.setHeader('Content-Encoding', 'gzip');
  response.setHeader('Content-Type', type);
  response.setHeader('Content-Length', sent.length);
  response.end(request.method === 'HEAD' ? undefined : sent);
}
