import { setTimeout as sleep } from 'node:timers/promises';
import type { TlogSource } from '#libs/ledger';
import { CliError, unanswered } from '../cli.errors.js';

export interface HttpLogOptions {
  url: URL;
  /** Sent as a bearer credential, to this address only. */
  token: string | undefined;
  signal?: AbortSignal;
}

/** 256 entries of 65,535 bytes with their lengths. */
const MAX_BYTES = 256 * 65_537;
const TIMEOUT_MS = 60_000;
const ATTEMPTS = 5;

/** A log over HTTP, by its prefix. Throws CLI.UNREACHABLE, CLI.REFUSED or CLI.UNAVAILABLE. */
export function httpLog({ url, token, signal }: HttpLogOptions): TlogSource {
  const prefix = url.href.replace(/\/*$/, '/');
  const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` });
  const get = async (address: string): Promise<Response> => {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    try {
      // A credential goes nowhere but to the address it was given for.
      const redirect = token === undefined ? 'follow' : 'error';
      return await fetch(address, { headers, redirect, signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
    } catch (cause) {
      signal?.throwIfAborted();
      throw unanswered(cause, { address, patience: TIMEOUT_MS, hint: 'is the address right?' });
    }
  };
  const read = async (path: string): Promise<Uint8Array | undefined> => {
    // Keys of events are the deployment's, not the log's.
    const address = path === 'jwks.json' ? new URL('/.well-known/jwks.json', url).href : `${prefix}${path}`;
    for (let attempt = 1; ; attempt++) {
      const answer = await get(address);
      if (answer.status === 200) return bytesOf(answer, address);
      await answer.body?.cancel();
      if (answer.status === 404) return undefined;
      const later = answer.status === 429 || answer.status >= 500;
      if (!later) throw refused(answer.status, address);
      if (attempt === ATTEMPTS) {
        throw new CliError(
          'CLI.UNAVAILABLE',
          `${address} answered ${answer.status}, ${ATTEMPTS} times; try again later`,
        );
      }
      await sleep(waitMs(answer, attempt), undefined, { signal });
    }
  };
  return { read };
}

async function bytesOf(answer: Response, address: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of answer.body ?? []) {
    length += (part as Uint8Array).length;
    if (length > MAX_BYTES) {
      throw new CliError(
        'CLI.ANSWER_MALFORMED',
        `${address} has more than the ${MAX_BYTES} bytes a log's file can have`,
      );
    }
    parts.push(part as Uint8Array);
  }
  return new Uint8Array(Buffer.concat(parts));
}

function refused(status: number, address: string): CliError {
  const hint = status === 401 || status === 403 ? '; give a key in ASSAY_TOKEN or --token-file' : '';
  return new CliError('CLI.REFUSED', `expected 200 from ${address}, found ${status}${hint}`);
}

const waitMs = (answer: Response, attempt: number): number => {
  const seconds = Number(answer.headers.get('retry-after') ?? NaN);
  return Math.min(30_000, Number.isFinite(seconds) ? seconds * 1000 : 250 * 2 ** attempt);
};
