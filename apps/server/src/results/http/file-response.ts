import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import type { Body } from '../results.types.js';
import { contentDisposition } from '../domain/content-disposition.js';

export interface FileToSend {
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
  file_name: string;
  media_type: string;
  body: Body;
}

/** How the sending of a body ended. */
export interface Sent {
  outcome: 'success' | 'stream_error' | 'client_closed' | 'timeout';
  bytes: number;
  error?: unknown;
}

/** RFC 9110 for the framing and validators, RFC 9530 for the digest, RFC 6266 for the name. Ranges are not served. */
export function setFileHeaders(response: Response, { bytes, sha256, file_name, media_type }: Omit<FileToSend, 'body'>) {
  response.setHeader('Content-Type', media_type);
  response.setHeader('Content-Length', bytes);
  response.setHeader('Content-Disposition', contentDisposition(file_name));
  response.setHeader('ETag', `"${sha256}"`);
  response.setHeader('Repr-Digest', `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`);
  response.setHeader('Accept-Ranges', 'none');
  response.setHeader('Cache-Control', 'private, no-cache');
}

/**
 * Sends the body whose headers are set. Never rejects. Whatever goes wrong resets the connection: the last chunk
 * leaves only after the source has ended well, so that a caller never holds all bytes of a body that failed.
 * `failing` is told before the reset.
 */
export async function sentBody(
  response: Response,
  body: Body,
  timeoutMs: number,
  failing: (outcome: Sent['outcome']) => void,
): Promise<Sent> {
  const sent: Sent = { outcome: 'client_closed', bytes: 0 };
  const fail = (outcome: Sent['outcome']) => {
    if (response.destroyed) return;
    sent.outcome = outcome;
    failing(outcome);
    response.socket?.resetAndDestroy();
  };
  const timeout = AbortSignal.timeout(timeoutMs);
  timeout.addEventListener('abort', () => fail('timeout'));
  // A source that is stuck would hold the pipeline for ever.
  response.once('close', () => body.destroy());
  try {
    await pipeline(
      lastChunkLast(body, sent, () => fail('stream_error')),
      response,
      { signal: timeout },
    );
    sent.outcome = 'success';
  } catch (error) {
    sent.error = error;
  }
  return sent;
}

async function* lastChunkLast(body: AsyncIterable<Uint8Array>, sent: Sent, failed: () => void) {
  let held: Uint8Array | undefined;
  try {
    for await (const chunk of body) {
      if (held) {
        sent.bytes += held.length;
        yield held;
      }
      held = chunk;
    }
  } catch (error) {
    failed();
    throw error;
  }
  if (!held) return;
  sent.bytes += held.length;
  yield held;
}
