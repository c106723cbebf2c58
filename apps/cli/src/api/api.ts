import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Problem } from '#libs/kernel';
import { CliError, unanswered } from '../cli.errors.js';

export interface ApiOptions {
  /** Of the server, with or without `/api/v1`. */
  server: URL;
  key: string;
}

type Query = Record<string, string | number | undefined>;

interface CallOptions {
  query?: Query;
  body?: object;
  accept?: string;
  patience?: number;
}

const TIMEOUT_MS = 60_000;
const ATTEMPTS = 5;

/** The API of a server. Every call is one trace; an error names it. Throws CLI.UNREACHABLE, REFUSED or UNAVAILABLE. */
export class Api {
  /** Without a slash at its end. */
  readonly base: string;
  private readonly traceId = randomBytes(16).toString('hex');

  constructor(private readonly options: ApiOptions) {
    this.base = options.server.href.replace(/\/*$/, '').replace(/\/api\/v1$/, '');
  }

  async get<T>(path: string, query: Query = {}): Promise<T> {
    return (await (await this.call('GET', path, { query })).json()) as T;
  }

  async text(path: string, query: Query = {}): Promise<string> {
    return (await this.call('GET', path, { query, accept: 'text/plain' })).text();
  }

  /** `patience`: for what the server does while we wait; milliseconds, below the 300 s after which fetch gives up. */
  async post<T>(path: string, body: object = {}, patience = TIMEOUT_MS): Promise<T> {
    return (await (await this.call('POST', path, { body, patience })).json()) as T;
  }

  /** A refusal that asks for patience is waited for, when asking again does no harm. */
  private async call(
    method: 'GET' | 'POST',
    path: string,
    { query = {}, body, accept = 'application/json', patience = TIMEOUT_MS }: CallOptions,
  ): Promise<Response> {
    const url = new URL(`${this.base}/api/v1${path}`);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    for (let attempt = 1; ; attempt++) {
      const answer = await this.fetched(url, { method, accept, body, patience });
      if (answer.ok) return answer;
      const problem = await problemOf(answer);
      const again = problem.retryable && attempt < ATTEMPTS && (method === 'GET' || answer.status === 429);
      if (!again) throw this.failure(answer, problem);
      await sleep(Math.min(30_000, Number(answer.headers.get('retry-after') ?? 1) * 1000));
    }
  }

  private async fetched(
    url: URL,
    { method, accept, body, patience }: { method: string; accept: string; body: object | undefined; patience: number },
  ): Promise<Response> {
    try {
      return await fetch(url, {
        method,
        redirect: 'error',
        signal: AbortSignal.timeout(patience),
        headers: {
          authorization: `Bearer ${this.options.key}`,
          accept,
          traceparent: `00-${this.traceId}-${randomBytes(8).toString('hex')}-01`,
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      const hint = 'is the address in --server or ASSAY_SERVER right?';
      throw unanswered(cause, { address: this.base, patience, hint });
    }
  }

  private failure(answer: Response, { code, detail, request_id, errors }: Partial<Problem>): CliError {
    const faults = (errors ?? []).map((error) => `; ${error.pointer}: ${error.detail}`).join('');
    const said = `${answer.status} ${code ?? ''}: ${detail ?? answer.statusText}${faults}`;
    const hint = answer.status === 401 ? '; is the key in ASSAY_API_KEY right?' : '';
    const ids = `trace_id ${this.traceId}, request_id ${request_id ?? answer.headers.get('x-request-id') ?? 'unknown'}`;
    const kind = answer.status >= 500 || answer.status === 429 ? 'CLI.UNAVAILABLE' : 'CLI.REFUSED';
    return new CliError(kind, `${said}${hint} (${ids})`);
  }
}

/** A proxy's page is no problem document. */
const problemOf = async (answer: Response): Promise<Partial<Problem>> =>
  (answer.json() as Promise<Partial<Problem>>).catch(() => ({}));
