import { readFile } from 'node:fs/promises';
import { bytesOfBase64url, LedgerError, parsePolicy, parseVerifierKey } from '#libs/ledger';
import type { TlogSource, VerifierKey, WitnessPolicy } from '#libs/ledger';
import { CliError } from '../cli.errors.js';

/** What of the keys was given from outside the log under test. */
export interface KeyOptions {
  vkey: readonly string[];
  vkeyFile?: string;
  policy?: string;
  jwks?: string;
}

/** The keys of a run. */
export interface Keys {
  verifierKeys: VerifierKey[];
  pinned: boolean;
  eventKeys: Map<string, Uint8Array>;
  policy: WitnessPolicy | undefined;
}

/**
 * Keys given, and those the log itself serves (`vkey`, `jwks.json`) where none are: with these it vouches for itself.
 * Throws CLI.KEY_FILE_INVALID or what `parseVerifierKey` and `parsePolicy` throw.
 */
export async function keysFor(options: KeyOptions, log?: TlogSource): Promise<Keys> {
  const policy = options.policy === undefined ? undefined : parsePolicy(await fileAt(options.policy));
  const given = [
    ...options.vkey.map(parseVerifierKey),
    ...(options.vkeyFile === undefined ? [] : keysIn(textOf(await fileAt(options.vkeyFile)))),
    ...(policy?.logs.map(({ key }) => key) ?? []),
  ];
  const eventKeys = await eventKeysFor(options.jwks, log);
  if (given.length > 0) return { verifierKeys: given, pinned: true, eventKeys, policy };
  return { verifierKeys: await servedKeys(log), pinned: false, eventKeys, policy };
}

async function eventKeysFor(path: string | undefined, log: TlogSource | undefined): Promise<Map<string, Uint8Array>> {
  if (path === undefined) return eventKeysIn(textOf((await log?.read('jwks.json')) ?? new Uint8Array(0)));
  const keys = eventKeysIn(textOf(await fileAt(path)));
  if (keys.size > 0) return keys;
  throw new CliError('CLI.KEY_FILE_INVALID', `expected a JWK set with Ed25519 keys in ${path}`);
}

/** None when the log serves something else there, as another's log may. */
async function servedKeys(log: TlogSource | undefined): Promise<VerifierKey[]> {
  try {
    return keysIn(textOf((await log?.read('vkey')) ?? new Uint8Array(0)));
  } catch (error) {
    if (error instanceof LedgerError) return [];
    throw error;
  }
}

/** One key a line; empty lines and those that begin with # are left out. */
const keysIn = (text: string): VerifierKey[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(parseVerifierKey);

/** The Ed25519 keys of a JWK set (RFC 8037), by their `kid`: those that sign events are among them. */
function eventKeysIn(text: string): Map<string, Uint8Array> {
  const keys = new Map<string, Uint8Array>();
  for (const { kty, crv, kid, x } of jwksIn(text)) {
    const publicKey = kty === 'OKP' && crv === 'Ed25519' && typeof x === 'string' ? bytesOfBase64url(x) : undefined;
    if (typeof kid === 'string' && publicKey?.length === 32) keys.set(kid, publicKey);
  }
  return keys;
}

function jwksIn(text: string): Record<string, unknown>[] {
  try {
    const { keys } = JSON.parse(text) as { keys: unknown };
    if (Array.isArray(keys)) return keys as Record<string, unknown>[];
  } catch {
    // no set, so no keys
  }
  return [];
}

async function fileAt(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    throw new CliError('CLI.KEY_FILE_INVALID', `expected a file of keys at ${path}`, { cause });
  });
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
