import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Witness, WitnessAnswer } from './witness.js';

/** A request has at most 63 proof lines and a checkpoint of a few signatures: about 5,000 bytes. */
const MAX_BODY_BYTES = 65_536;
const MAX_CONNECTIONS = 512;

/** What happened to one request, for the log. */
export interface WitnessedRequest {
  status: number;
  why?: string;
  origin?: string;
  size?: number;
  /** The whole note of a checkpoint that contradicts what was cosigned before: proof of what its log did. */
  contradicting?: string;
}

/** `POST /add-checkpoint`. What fails inside is 500 and `failed`; nothing was cosigned then. */
export function witnessServer(
  witness: Witness,
  log: (request: WitnessedRequest) => void,
  failed: (error: unknown) => void,
): Server {
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
    answered(witness, request, response).then(log, (error: unknown) => {
      failed(error);
      if (!response.headersSent) send(response, 500, 'the witness failed\n');
      else response.destroy();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

async function answered(
  witness: Witness,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<WitnessedRequest> {
  if (request.url !== '/add-checkpoint') return refuse(response, 404, 'not found');
  if (request.method !== 'POST') {
    response.setHeader('allow', 'POST');
    return refuse(response, 405, 'method not allowed');
  }
  const body = await bodyOf(request);
  if (body === 'too large') {
    response.setHeader('connection', 'close');
    return refuse(response, 413, `more than ${MAX_BODY_BYTES} bytes`);
  }
  if (body === 'no text') return refuse(response, 400, 'malformed request');
  return sent(response, await witness.add(body.text));
}

function sent(response: ServerResponse, answer: WitnessAnswer): WitnessedRequest {
  const { origin, size } = answer.submission?.checked ?? {};
  const told = { status: answer.status, ...(origin !== undefined && { origin, size: size! }) };
  if (answer.status === 200) {
    send(response, 200, answer.lines);
    return told;
  }
  if (answer.status === 409) send(response, 409, `${answer.size ?? 0}\n`, 'text/x.tlog.size');
  else send(response, answer.status, `${answer.why}\n`);
  const contradicts = answer.status === 422 || (answer.status === 409 && answer.submission?.oldSize === answer.size);
  return { ...told, why: answer.why, ...(contradicts && { contradicting: answer.submission!.checkpoint }) };
}

function refuse(response: ServerResponse, status: number, why: string): WitnessedRequest {
  send(response, status, `${why}\n`);
  return { status, why };
}

function send(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}

async function bodyOf(request: IncomingMessage): Promise<{ text: string } | 'too large' | 'no text'> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return 'too large';
    chunks.push(chunk);
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks)) };
  } catch {
    return 'no text';
  }
}
