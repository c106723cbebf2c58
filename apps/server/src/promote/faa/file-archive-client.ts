import {
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleWhen,
  isBrokenCircuitError,
  retry,
  wrap,
} from 'cockatiel';
import { Readable } from 'node:stream';

import { AccessTokens } from './access-tokens.js';
import type { TokenFacts, TokenSettings } from './access-tokens.js';
import { FAAError, noAnswer, refusal } from './faa.errors.js';

export interface FileArchiveSettings extends TokenSettings {
  /** Base of the archive: files go to `<url>/files/<name>`. */
  url: string;
  /** For one attempt, from the first byte sent to the answer; a token request has as long. */
  timeoutMs: number;
}

export interface FileToArchive {
  /** Segments parted by slashes. */
  name: string;
  /** A fresh stream of the file for each attempt. */
  open: () => Promise<Readable>;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
  signal?: AbortSignal | undefined;
}

const RETRIES = 3;
const BACKOFF = { initialDelay: 100, maxDelay: 5_000 };
/** Failed attempts in a row, over all files, before the archive is left alone for a while. */
const BREAK_AFTER = 5;
const BREAK_MS = 15_000;
const WHAT = 'take the file';

/** The organisation's file archive (FAA). One of these in a process: token and circuit breaker are shared by all puts. */
export class FileArchiveClient {
  readonly #tokens: AccessTokens;
  readonly #policy: { execute<T>(act: () => Promise<T>, signal?: AbortSignal): Promise<T> };

  constructor(
    private readonly settings: FileArchiveSettings,
    facts: TokenFacts,
  ) {
    this.#tokens = new AccessTokens(settings, facts);
    const passing = handleWhen((error) => error instanceof FAAError && error.retryable);
    const breaker = circuitBreaker(passing, {
      halfOpenAfter: BREAK_MS,
      breaker: new ConsecutiveBreaker(BREAK_AFTER),
    });
    this.#policy = wrap(retry(passing, { maxAttempts: RETRIES, backoff: new ExponentialBackoff(BACKOFF) }), breaker);
  }

  /**
   * Puts the file into the archive; on return the archive has confirmed it. The same file may be put again: `created`
   * is then false. Tries again, with back-off, what may pass. Rejects with `FAAError`; with what `open` or its stream
   * failed with, as it is; with the signal's reason when the caller gives up. After FAATimeoutError and
   * FAAUnavailableError the archive may have the file.
   */
  async put(file: FileToArchive): Promise<{ created: boolean }> {
    try {
      return await this.#policy.execute(() => this.#attempt(file), file.signal);
    } catch (error) {
      file.signal?.throwIfAborted();
      if (!isBrokenCircuitError(error)) throw error;
      const message = `expected the archive to ${WHAT}, left it alone after ${BREAK_AFTER} failures in a row`;
      throw new FAAError('PROMOTE.FAA_UNAVAILABLE', message, { cause: error });
    }
  }

  async #attempt(file: FileToArchive): Promise<{ created: boolean }> {
    const token = await this.#tokens.current();
    let status = await this.#send(file, token);
    if (status === 401) {
      // Revoked or expired by another clock: once with a new one.
      this.#tokens.refuse(token);
      status = await this.#send(file, await this.#tokens.current());
    }
    if (status >= 200 && status < 300) return { created: status === 201 };
    throw refusal(WHAT, status);
  }

  /** The status the archive answered with. */
  async #send(file: FileToArchive, token: string): Promise<number> {
    file.signal?.throwIfAborted();
    const source = await file.open();
    let sourceError: Error | undefined;
    source.once('error', (error) => (sourceError = error));
    const timeout = AbortSignal.timeout(this.settings.timeoutMs);
    try {
      const response = await fetch(this.#addressOf(file.name), {
        method: 'PUT',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/octet-stream',
          'content-length': String(file.bytes),
          'repr-digest': `sha-256=:${Buffer.from(file.sha256, 'hex').toString('base64')}:`, // RFC 9530
        },
        body: Readable.toWeb(source) as ReadableStream,
        duplex: 'half',
        redirect: 'manual', // the token is for this host alone
        signal: file.signal ? AbortSignal.any([file.signal, timeout]) : timeout,
      });
      await response.body?.cancel();
      return response.status;
    } catch (cause) {
      file.signal?.throwIfAborted(); // no failure of the archive, and not counted as one
      if (sourceError && !timeout.aborted) throw sourceError;
      throw noAnswer(WHAT, this.settings.timeoutMs, timeout.aborted, cause);
    } finally {
      source.destroy();
    }
  }

  #addressOf(name: string): string {
    const path = name.split('/').map(encodeURIComponent).join('/');
    return `${this.settings.url.replace(/\/+$/, '')}/files/${path}`;
  }
}
