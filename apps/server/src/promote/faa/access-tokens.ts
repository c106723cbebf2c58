import { FAAError, noAnswer, refusal } from './faa.errors.js';

export interface TokenSettings {
  tokenUrl: string;
  clientId: string;
  clientSecret: string;
  scope: string;
  timeoutMs: number;
}

/** What the log says about tokens: `oauth.token_obtained` (INFO), `oauth.token_endpoint_error` (WARN). No token. */
export interface TokenFacts {
  tokenObtained(fact: { scope: string; token_type: string; expires_in_sec: number; access_token_length: number }): void;
  /** `status` is absent when there was no answer. */
  tokenEndpointError(fact: { scope: string; status?: number; error_code: string }): void;
}

/** RFC 6749 §5.2 and §4.1.2.1; another word from the endpoint is logged as `other`. */
const ERROR_CODES = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'server_error',
  'temporarily_unavailable',
];
/** RFC 6749 §5.1 leaves out how long a token lives when the endpoint does not say. */
const UNSAID_LIFETIME_SEC = 60;
/** A token is not used in its last tenth, nor in its last half minute, whichever is shorter. */
const MARGIN_MS = 30_000;
const WHAT = 'issue a token';

interface Token {
  value: string;
  usableUntil: number;
}

/** Access tokens by OAuth 2 client credentials (RFC 6749 §4.4): cached, fetched by one request at a time. */
export class AccessTokens {
  #token: Token | undefined;
  #fetching: Promise<Token> | undefined;

  constructor(
    private readonly settings: TokenSettings,
    private readonly facts: TokenFacts,
  ) {}

  /** A token that is not about to expire. Callers that come while one is fetched share it, and its failure. */
  async current(): Promise<string> {
    if (this.#token && this.#token.usableUntil > Date.now()) return this.#token.value;
    this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined));
    return (await this.#fetching).value;
  }

  /** The archive refused this token: it is not given out again. May be called by many for the same token. */
  refuse(value: string): void {
    if (this.#token?.value === value) this.#token = undefined;
  }

  async #fetch(): Promise<Token> {
    const { scope } = this.settings;
    const response = await this.#ask();
    const answer = await answerIn(response);
    if (!response.ok) {
      const error_code = ERROR_CODES.includes(answer.error ?? '') ? answer.error! : 'other';
      this.facts.tokenEndpointError({ scope, status: response.status, error_code });
      const error = refusal(WHAT, response.status);
      throw error.retryable ? error : new FAAError('PROMOTE.FAA_UNAUTHORIZED', `${error.message} (${error_code})`);
    }
    const { access_token: value, token_type, expires_in: expires = UNSAID_LIFETIME_SEC } = answer;
    if (value === undefined || !/^[\w.~+/-]+=*$/.test(value) || token_type?.toLowerCase() !== 'bearer') {
      this.facts.tokenEndpointError({ scope, status: response.status, error_code: 'other' });
      throw new FAAError('PROMOTE.FAA_UNAVAILABLE', `expected the archive to ${WHAT}, found none of type Bearer`);
    }
    const granted = { scope, token_type: 'Bearer', expires_in_sec: expires, access_token_length: value.length };
    this.facts.tokenObtained(granted);
    const lifetime = expires * 1000;
    return (this.#token = { value, usableUntil: Date.now() + lifetime - Math.min(MARGIN_MS, lifetime / 10) });
  }

  async #ask(): Promise<Response> {
    const { tokenUrl, clientId, clientSecret, scope, timeoutMs } = this.settings;
    const client = [clientId, clientSecret].map(formEncoded).join(':'); // RFC 6749 §2.3.1
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      return await fetch(tokenUrl, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(client).toString('base64')}`, accept: 'application/json' },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
        redirect: 'manual',
        signal,
      });
    } catch (cause) {
      this.facts.tokenEndpointError({ scope, error_code: signal.aborted ? 'timeout' : 'unreachable' });
      throw noAnswer(WHAT, timeoutMs, signal.aborted, cause);
    }
  }
}

interface TokenAnswer {
  error?: string;
  access_token?: string;
  token_type?: string;
  expires_in?: number;
}

/** What is well formed in the answer; an answer that is no JSON object has nothing in it. */
async function answerIn(response: Response): Promise<TokenAnswer> {
  const body: unknown = await response.json().catch(() => undefined);
  if (typeof body !== 'object' || body === null) return {};
  const { error, access_token, token_type, expires_in } = body as Record<string, unknown>;
  return {
    ...(typeof error === 'string' && { error }),
    ...(typeof access_token === 'string' && { access_token }),
    ...(typeof token_type === 'string' && { token_type }),
    ...(typeof expires_in === 'number' && expires_in > 0 && { expires_in }),
  };
}

function formEncoded(value: string): string {
  return new URLSearchParams({ v: value }).toString().slice(2);
}
