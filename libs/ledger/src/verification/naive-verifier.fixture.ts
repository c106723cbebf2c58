import { createHash, createPublicKey, verify } from 'node:crypto';

/*
 * A second verifier, written from docs/design/ledger.md alone: the whole ledger in memory, every hash recomputed the
 * plain way, no code of ours called. It says whether a ledger is sound and where it first is not; nothing about why.
 */

export interface NaiveVerdict {
  sound: boolean;
  /** The first seq of which an entry is wrong; undefined where only a root, or nothing, is. */
  firstWrong: number | undefined;
}

export interface NaiveLedger {
  tenant: string;
  origin: string;
  entries: readonly unknown[];
  notes: readonly unknown[];
  /** 32 bytes, Ed25519, under the name `origin`. */
  publicKey: Uint8Array;
}

const sha256 = (...parts: readonly (Uint8Array | string)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const BYTE = [0, 1, 2].map((byte) => Buffer.of(byte)) as [Buffer, Buffer, Buffer];

/** MTH of RFC 6962 §2.1, as it stands there. */
export function naiveRoot(leaves: readonly Uint8Array[]): Buffer {
  if (leaves.length === 0) return sha256('');
  if (leaves.length === 1) return Buffer.from(leaves[0] as Uint8Array);
  const k = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return sha256(BYTE[1], naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)));
}

export function naiveVerdict(ledger: NaiveLedger): NaiveVerdict {
  const { entries, origin, tenant } = ledger;
  const leaves: Buffer[] = [];
  let previous = sha256(Buffer.from(origin, 'utf8'));
  const claimed = entries.map((document) => (isRecord(document) ? document['seq'] : undefined));
  const last = Math.max(-1, ...claimed.filter((seq): seq is number => Number.isSafeInteger(seq)));
  for (let seq = 0; seq <= Math.min(last, entries.length); seq++) {
    const whole = entries
      .filter((_, at) => Object.is(claimed[at], seq))
      .map((document) => wholeEntry(tenant, seq, document as Record<string, unknown>, previous))
      .find((one) => one !== undefined);
    if (whole === undefined) return { sound: false, firstWrong: seq };
    leaves.push(whole.leaf);
    previous = whole.chain;
  }
  const noneTooMany = entries.length === leaves.length;
  return { sound: noneTooMany && ledger.notes.every((note) => holds(note, ledger, leaves)), firstWrong: undefined };
}

/** Leaf and chain hash of a document that is right in every field; otherwise undefined. */
function wholeEntry(
  tenant: string,
  seq: number,
  document: Record<string, unknown>,
  previous: Buffer,
): { leaf: Buffer; chain: Buffer } | undefined {
  const bytes = document['bytes'];
  if (!(bytes instanceof Uint8Array)) return undefined;
  const leaf = sha256(BYTE[0], bytes);
  const chain = sha256(BYTE[2], previous, leaf);
  const expected = naiveEntry(tenant, seq, bytes, leaf, chain);
  return expected !== undefined && isSame(document, expected) ? { leaf, chain } : undefined;
}

/** The document that must be stored; undefined where the bytes are no canonical JSON of an event of this tenant. */
function naiveEntry(tenant: string, seq: number, bytes: Uint8Array, leaf: Buffer, chain: Buffer): object | undefined {
  const text = Buffer.from(bytes).toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) return undefined;
  const event = parsed(text);
  if (!isRecord(event) || naiveEventText(event) !== text) return undefined;
  const [scope, actor, refs] = [event['scope'], event['actor'], event['refs'] ?? {}].map((part) =>
    isRecord(part) ? part : {},
  );
  if (scope?.['tenant'] !== tenant) return undefined;
  const resource = isRecord(refs?.['resource']) ? refs['resource'] : {};
  const columns = {
    event_id: event['id'],
    kind: event['kind'],
    ts: event['ts'],
    project: scope['project'],
    actor_type: actor?.['type'],
    actor_id: actor?.['id'],
    resource_type: resource['type'],
    resource_id: resource['id'],
    job_id: refs?.['job_id'],
  };
  const present = Object.entries(columns).filter(([, value]) => value !== undefined);
  const _id = `${tenant}:${'0'.repeat(16 - String(seq).length)}${seq}`;
  return { _id, tenant, seq, ...Object.fromEntries(present), bytes, leaf_hash: leaf, chain_hash: chain };
}

const TOP = ['id', 'ts', 'kind', 'scope', 'actor', 'refs', 'data', 'meta', 'sig'];

function naiveEventText(event: Record<string, unknown>): string | undefined {
  if (Object.keys(event).some((name) => !TOP.includes(name))) return undefined;
  const members = TOP.filter((name) => name in event).map((name) => `"${name}":${naiveJson(event[name])}`);
  return `{${members.join(',')}}`;
}

/** RFC 8785, character by character: members by their UTF-16 units (§3.2.3), the escapes of §3.2.2.2. */
function naiveJson(value: unknown): string {
  if (typeof value === 'string') return naiveString(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'refused';
  if (Array.isArray(value)) return `[${value.map(naiveJson).join(',')}]`;
  if (!isRecord(value)) return String(value);
  const names = Object.keys(value).sort(byUnits);
  return `{${names.map((name) => `${naiveString(name)}:${naiveJson(value[name])}`).join(',')}}`;
}

function byUnits(a: string, b: string): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) return a.charCodeAt(i) - b.charCodeAt(i);
  }
  return a.length - b.length;
}

const SHORT: Record<string, string> = {
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

function naiveString(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    const unit = text.charCodeAt(i);
    out += SHORT[char] ?? (unit < 0x20 ? `\\u${unit.toString(16).padStart(4, '0')}` : char);
  }
  return `"${out}"`;
}

/** A checkpoint's note (design page §4): three lines, an empty one, and a signature of the key over the three. */
function holds(note: unknown, { origin, publicKey }: NaiveLedger, leaves: readonly Buffer[]): boolean {
  if (typeof note !== 'string') return false;
  const [first, size, root, blank, signature, end, ...rest] = note.split('\n');
  const line = /^— (\S+) (\S+)$/.exec(signature ?? '');
  if (first !== origin || blank !== '' || end !== '' || rest.length > 0 || line?.[1] !== origin) return false;
  if (!/^(0|[1-9]\d*)$/.test(size ?? '') || Number(size) > leaves.length) return false;
  if (naiveRoot(leaves.slice(0, Number(size))).toString('base64') !== root) return false;
  const signed = Buffer.from(line[2] as string, 'base64');
  const keyId = sha256(Buffer.from(`${origin}\n`, 'utf8'), BYTE[1], publicKey).subarray(0, 4);
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey]);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const text = Buffer.from(`${first}\n${size}\n${root}\n`, 'utf8');
  return signed.length === 68 && signed.subarray(0, 4).equals(keyId) && verify(null, text, key, signed.subarray(4));
}

function isSame(document: Record<string, unknown>, expected: object): boolean {
  const wanted = Object.entries(expected);
  if (Object.keys(document).length !== wanted.length) return false;
  return wanted.every(([name, value]) => {
    const found = Object.hasOwn(document, name) ? document[name] : undefined;
    if (!(value instanceof Uint8Array)) return Object.is(found, value);
    return found instanceof Uint8Array && Buffer.from(found).equals(value);
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
