/**
 * A STAND-IN for the organisation's file archive (FAA), for the demo and for tests. It is not the archive: it speaks
 * the two requests the service makes of it, keeps files in a folder, and forgets its tokens when it ends.
 *
 * - `POST /oauth/token`: OAuth 2 client credentials (RFC 6749 §4.4), the client by HTTP Basic or in the body.
 * - `PUT /files/<name>`: a file with Bearer token, Content-Length and Repr-Digest (RFC 9530). 201 when stored, 200 when
 *   the same bytes are there already, 409 when other bytes are.
 *
 * By itself: `node infrastructure/dev/archive-stand-in.mjs --port 8090 --folder ./data/archive`, with the client in
 * FAA_CLIENT_ID and FAA_CLIENT_SECRET.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { link, mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;
const DIGEST = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/;

/**
 * @typedef {object} StandInOptions
 * @property {number} [port] 0 (the default) for a free one
 * @property {string} folder where files go; made if need be
 * @property {string} clientId
 * @property {string} clientSecret
 * @property {string} [scope] the one scope the client may have (default `files:upload.write`)
 * @property {number} [tokenLifetimeSec] default 300
 *
 * @typedef {object} Received one PUT that was answered with 200 or 201
 * @property {string} name
 * @property {number} bytes
 * @property {string} sha256 lower-case hex
 * @property {boolean} repeated the same bytes were there already
 *
 * @typedef {object} StandIn
 * @property {string} url base of the files: PUT `<url>/files/<name>`
 * @property {string} tokenUrl
 * @property {Received[]} received
 * @property {{ puts: number, tokens: number }} requests how many came, whatever was answered
 * @property {(count: number, status?: number) => void} failNextPuts answers the next PUTs with 503 (or `status`)
 * @property {(count: number, status?: number) => void} failNextTokens answers the next token requests with 503
 * @property {(ms: number) => void} delayPuts waits before it answers each PUT from now on
 * @property {() => void} revokeTokens every token issued so far is refused
 * @property {() => Promise<void>} close ends open connections too
 *
 * @typedef {object} State
 * @property {Required<StandInOptions>} options
 * @property {Map<string, number>} tokens token to its end, ms since the epoch
 * @property {Received[]} received
 * @property {{ puts: number, tokens: number }} requests
 * @property {{ puts: number, putStatus: number, tokens: number, tokenStatus: number, delayMs: number }} faults
 *
 * @typedef {{ status: number, body?: object, headers?: Record<string, string> }} Answer
 */

/**
 * @param {StandInOptions} given
 * @returns {Promise<StandIn>}
 */
export async function startArchiveStandIn(given) {
  /** @type {State} */
  const state = {
    options: { port: 0, scope: 'files:upload.write', tokenLifetimeSec: 300, ...given },
    tokens: new Map(),
    received: [],
    requests: { puts: 0, tokens: 0 },
    faults: { puts: 0, putStatus: 503, tokens: 0, tokenStatus: 503, delayMs: 0 },
  };
  await mkdir(state.options.folder, { recursive: true });
  const server = createServer((request, response) => {
    answerTo(state, request)
      .catch(() => ({ status: 500, body: { error: 'stand_in_failed' } }))
      .then((/** @type {Answer} */ answer) => send(request, response, answer));
  });
  server.listen(state.options.port, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
  return {
    url,
    tokenUrl: `${url}/oauth/token`,
    received: state.received,
    requests: state.requests,
    failNextPuts: (count, status = 503) => void Object.assign(state.faults, { puts: count, putStatus: status }),
    failNextTokens: (count, status = 503) => void Object.assign(state.faults, { tokens: count, tokenStatus: status }),
    delayPuts: (ms) => void (state.faults.delayMs = ms),
    revokeTokens: () => state.tokens.clear(),
    close: () => {
      server.closeAllConnections();
      return new Promise((closed) => server.close(() => closed()));
    },
  };
}

/**
 * @param {State} state
 * @param {import('node:http').IncomingMessage} request
 * @returns {Promise<Answer>}
 */
async function answerTo(state, request) {
  const { pathname } = new URL(request.url ?? '/', 'http://stand-in');
  if (pathname === '/oauth/token' && request.method === 'POST') return tokenAnswer(state, request);
  if (pathname.startsWith('/files/') && request.method === 'PUT') {
    return putAnswer(state, request, decodeURIComponent(pathname.slice('/files/'.length)));
  }
  return { status: 404, body: { error: 'not_found' } };
}

/** RFC 6749 §4.4 and §5; the error names are those of §5.2. */
async function tokenAnswer(/** @type {State} */ state, /** @type {import('node:http').IncomingMessage} */ request) {
  const { options, faults } = state;
  state.requests.tokens++;
  if (faults.tokens > 0) {
    faults.tokens--;
    return { status: faults.tokenStatus, body: { error: 'temporarily_unavailable' } };
  }
  const form = new URLSearchParams(await text(request));
  const client = clientOf(request.headers.authorization, form);
  if (!client || !equal(client.id, options.clientId) || !equal(client.secret, options.clientSecret)) {
    const headers = { 'www-authenticate': 'Basic realm="archive stand-in"' };
    return { status: 401, headers, body: { error: 'invalid_client' } };
  }
  if (form.get('grant_type') !== 'client_credentials') {
    return { status: 400, body: { error: 'unsupported_grant_type' } };
  }
  if ((form.get('scope') ?? options.scope) !== options.scope) return { status: 400, body: { error: 'invalid_scope' } };
  const token = randomBytes(32).toString('base64url');
  state.tokens.set(token, Date.now() + options.tokenLifetimeSec * 1000);
  const { scope, tokenLifetimeSec } = options;
  const body = { access_token: token, token_type: 'Bearer', expires_in: tokenLifetimeSec, scope };
  return { status: 200, headers: { 'cache-control': 'no-store' }, body };
}

/**
 * @param {State} state
 * @param {import('node:http').IncomingMessage} request
 * @param {string} name
 * @returns {Promise<Answer>}
 */
async function putAnswer(state, request, name) {
  const { faults, options } = state;
  state.requests.puts++;
  if (faults.delayMs > 0) await delay(faults.delayMs, request.socket);
  if (faults.puts > 0) {
    faults.puts--;
    return { status: faults.putStatus, body: { error: 'stand_in_fault' } };
  }
  const token = /^Bearer ([\w-]+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  if (!((state.tokens.get(token) ?? 0) > Date.now())) {
    return { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } };
  }
  if (!NAME.test(name)) return { status: 400, body: { error: 'bad_name' } };
  if (request.headers['content-length'] === undefined) return { status: 411, body: { error: 'length_required' } };
  const announced = DIGEST.exec(String(request.headers['repr-digest'] ?? ''))?.[1];
  if (announced === undefined) return { status: 400, body: { error: 'digest_required' } };

  const temporary = join(options.folder, `.${randomBytes(8).toString('hex')}.part`);
  try {
    const found = await written(request, temporary);
    if (found.digest.toString('base64') !== announced) return { status: 400, body: { error: 'digest_mismatch' } };
    const kept = await keep(temporary, join(options.folder, name), found.digest);
    if (kept === 'other') return { status: 409, body: { error: 'other_content' } };
    const sha256 = found.digest.toString('hex');
    state.received.push({ name, bytes: found.bytes, sha256, repeated: kept === 'same' });
    return { status: kept === 'same' ? 200 : 201, body: { name, bytes: found.bytes } };
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Ends early with the connection, so that no timer outlives its client. */
function delay(/** @type {number} */ ms, /** @type {import('node:net').Socket} */ socket) {
  return new Promise((waited) => {
    const timer = setTimeout(waited, ms);
    socket.once('close', () => {
      clearTimeout(timer);
      waited(undefined);
    });
  });
}

async function written(/** @type {AsyncIterable<Buffer>} */ body, /** @type {string} */ path) {
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(
    body,
    async function* (/** @type {AsyncIterable<Buffer>} */ chunks) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
        yield chunk;
      }
    },
    createWriteStream(path, { flags: 'wx' }),
  );
  return { bytes, digest: hash.digest() };
}

/** @returns {Promise<'new' | 'same' | 'other'>} */
async function keep(/** @type {string} */ temporary, /** @type {string} */ path, /** @type {Buffer} */ digest) {
  await mkdir(dirname(path), { recursive: true });
  try {
    await link(temporary, path);
    return 'new';
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
  }
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest().equals(digest) ? 'same' : 'other';
}

/** RFC 6749 §2.3.1: in HTTP Basic both parts are form-encoded first. */
function clientOf(/** @type {string | undefined} */ authorization, /** @type {URLSearchParams} */ form) {
  const basic = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '')?.[1];
  if (basic !== undefined) {
    const [id = '', secret = ''] = Buffer.from(basic, 'base64').toString().split(':').map(formDecoded);
    return { id, secret };
  }
  const [id, secret] = [form.get('client_id'), form.get('client_secret')];
  return id !== null && secret !== null ? { id, secret } : undefined;
}

function formDecoded(/** @type {string} */ value) {
  return new URLSearchParams(`v=${value}`).get('v') ?? '';
}

function equal(/** @type {string} */ one, /** @type {string} */ other) {
  const [a, b] = [one, other].map((value) => createHash('sha256').update(value).digest());
  return timingSafeEqual(a, b);
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 * @param {Answer} answer
 */
function send(request, response, { status, body = {}, headers = {} }) {
  request.resume(); // a body nobody reads would keep the client from reading the answer
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

async function main() {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '8090' }, folder: { type: 'string', default: './data/archive' } },
  });
  const { FAA_CLIENT_ID: clientId, FAA_CLIENT_SECRET: clientSecret, FAA_SCOPE: scope } = process.env;
  if (!clientId || !clientSecret) {
    console.error('archive stand-in: expected FAA_CLIENT_ID and FAA_CLIENT_SECRET in the environment');
    process.exitCode = 2;
    return;
  }
  const common = { port: Number(values.port), folder: values.folder, clientId, clientSecret };
  const standIn = await startArchiveStandIn(scope ? { ...common, scope } : common);
  console.log(`archive STAND-IN (not the archive): FAA_URL=${standIn.url} FAA_TOKEN_URL=${standIn.tokenUrl}`);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void standIn.close());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) void main();
