import { AuditError } from '../audit.errors.js';

const TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 65_536;

export interface HttpAnswer {
  status: number;
  body: Buffer;
}

/** One POST, without redirects, bounded in time and size. Rejects with `unavailable` when there is no whole answer. */
export async function posted(
  url: string,
  { type, body, signal }: { type: string; body: Uint8Array; signal: AbortSignal },
  unavailable: 'AUDIT.WITNESS_UNAVAILABLE' | 'AUDIT.TSA_UNAVAILABLE',
): Promise<HttpAnswer> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': type },
      body: Uint8Array.from(body),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    return { status: answer.status, body: await boundedBody(answer) };
  } catch (cause) {
    throw new AuditError(unavailable, 'expected an answer, found none', { cause });
  }
}

async function boundedBody(answer: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`expected at most ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
