import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import {
  canonicalBytes,
  entryOf,
  eventDigest,
  formFaults,
  hexOf,
  macKey,
  noteMac,
  parseEvent,
  signEvent,
  verifyEventSignature,
} from './index.js';
import type { LedgerEvent } from './index.js';
import { codeOf } from './thrown-code.fixture.js';

const EVENT: LedgerEvent = {
  meta: { schema: 1, service: 'server', version: '0.1.0', env: 'test', received_at: '2026-11-21T09:00:00.001Z' },
  id: '0198c0de-0000-7000-8000-000000000001',
  kind: 'job.created',
  ts: '2026-11-21T09:00:00.000Z',
  data: { b: 1, a: 'x' },
  scope: { tenant: 'acme', project: 'p1' },
  actor: { type: 'user', id: 'ab'.repeat(32) },
  refs: { job_id: 'job-1' },
};
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value);
const withData = (data: unknown): LedgerEvent => ({ ...EVENT, data: data as LedgerEvent['data'] });
const changed = (path: string, value: unknown): LedgerEvent => {
  const copy = structuredClone(EVENT) as unknown as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop() as string;
  const parent = names.reduce((at, name) => at[name] as Record<string, unknown>, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy as unknown as LedgerEvent;
};

describe('canonicalBytes', () => {
  it('writes members in the order of the table and values by RFC 8785', () => {
    expect(text(canonicalBytes(EVENT))).toBe(
      '{"id":"0198c0de-0000-7000-8000-000000000001","ts":"2026-11-21T09:00:00.000Z","kind":"job.created",' +
        `"scope":{"project":"p1","tenant":"acme"},"actor":{"id":"${'ab'.repeat(32)}","type":"user"},` +
        '"refs":{"job_id":"job-1"},"data":{"a":"x","b":1},"meta":{"env":"test",' +
        '"received_at":"2026-11-21T09:00:00.001Z","schema":1,"service":"server","version":"0.1.0"}}',
    );
  });

  it('orders and writes values like the example of RFC 8785 §3.2.2 and §3.2.3', () => {
    const data = {
      numbers: [333333333.3333333, 4.5, 2e-3, 1e-27],
      string: '\u20ac$\u000f\nA\'B"\\\\"/',
      10: null,
      9: true,
    };
    const whole = text(canonicalBytes(withData(data)));
    expect(whole).toContain(
      '"data":{"10":null,"9":true,"numbers":[333333333.3333333,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('gives the event back when parsed, whatever the data', () => {
    const safe = (value: unknown): boolean => {
      if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value);
      return typeof value !== 'object' || value === null || Object.values(value).every(safe);
    };
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1 }),
        (data) => {
          fc.pre(safe(data) && !hasNegativeZero(data));
          const event = withData(data);
          const bytes = canonicalBytes(event);
          expect(parseEvent(bytes)).toEqual(JSON.parse(JSON.stringify(event)));
          expect(hexOf(canonicalBytes(parseEvent(bytes)))).toBe(hexOf(bytes));
          expect(formFaults(bytes)).toEqual([]);
        },
      ),
    );
  });

  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  it.each<[string, unknown]>([
    ['NaN', NaN],
    ['an infinity', -Infinity],
    ['negative zero', -0],
    ['an unsafe integer', 2 ** 53],
    ['a lone surrogate', 'a\ud800'],
    ['a lone surrogate in a name', { '\udc00': 1 }],
    ['undefined', undefined],
    ['undefined in a list', [undefined]],
    ['a Date', new Date(0)],
    ['toJSON', { toJSON: () => 1 }],
    // eslint-disable-next-line no-sparse-arrays
    ['a sparse list', [1, , 2]],
    ['a list with a name', Object.assign([1], { x: 1 })],
    ['a bigint', 1n],
    ['a symbol', Symbol('x')],
    ['a symbol as name', { [Symbol('x')]: 1 }],
    ['a function', () => 1],
    ['a Map', new Map()],
    ['bytes', new Uint8Array(1)],
    ['a cycle', cycle],
  ])('refuses %s with LEDGER.EVENT_VALUE', (_what, value) => {
    expect(codeOf(() => canonicalBytes(withData({ value })))).toBe('LEDGER.EVENT_VALUE');
  });

  it('refuses more than 65,535 bytes with LEDGER.EVENT_TOO_LARGE', () => {
    const room = 65_535 - canonicalBytes(withData({ a: '' })).length;
    expect(canonicalBytes(withData({ a: 'x'.repeat(room) }))).toHaveLength(65_535);
    expect(codeOf(() => canonicalBytes(withData({ a: 'x'.repeat(room + 1) })))).toBe('LEDGER.EVENT_TOO_LARGE');
  });

  it.each<[string, unknown]>([
    ['id', '0198c0de-0000-4000-8000-000000000001'],
    ['id', undefined],
    ['ts', '2026-11-21T09:00:00Z'],
    ['ts', '2026-02-29T09:00:00.000Z'],
    ['ts', '2026-11-21T24:00:00.000Z'],
    ['kind', 'created'],
    ['kind', 'Job.created'],
    ['scope.tenant', 'Acme'],
    ['scope.tenant', `a${'b'.repeat(40)}`],
    ['scope.region', 'eu'],
    ['actor.type', 'robot'],
    ['actor.id', 'jane@example.org'],
    ['actor.id', 'user-1'],
    ['refs', {}],
    ['refs.file_name', 'x'],
    ['refs.job_id', 'a b'],
    ['data', {}],
    ['data', []],
    ['meta.schema', 0],
    ['meta.received_at', undefined],
    ['sig', { kid: 'k', value: 'x' }],
    ['note', 'free text'],
  ])('refuses %s = %j with LEDGER.EVENT_FORM', (path, value) => {
    expect(codeOf(() => canonicalBytes(changed(path, value)))).toBe('LEDGER.EVENT_FORM');
  });
});

describe('parseEvent', () => {
  const canonical = text(canonicalBytes(EVENT));
  it.each([
    ['white space', canonical.replace(',"ts"', ', "ts"'), 'LEDGER.EVENT_NOT_CANONICAL'],
    ['members out of order', canonical.replace('"b":1', '"b":1,"ab":1'), 'LEDGER.EVENT_NOT_CANONICAL'],
    ['a member twice', canonical.replace('"b":1', '"b":1,"b":1'), 'LEDGER.EVENT_NOT_CANONICAL'],
    ['another spelling of a number', canonical.replace('"b":1', '"b":1.0'), 'LEDGER.EVENT_NOT_CANONICAL'],
    ['an escaped letter', canonical.replace('"x"', '"\\u0078"'), 'LEDGER.EVENT_NOT_CANONICAL'],
    ['a lone surrogate', canonical.replace('"x"', '"\\ud800"'), 'LEDGER.EVENT_VALUE'],
    ['half of it', canonical.slice(0, 99), 'LEDGER.EVENT_NOT_CANONICAL'],
    ['a byte order mark', `\ufeff${canonical}`, 'LEDGER.EVENT_NOT_CANONICAL'],
    ['null', 'null', 'LEDGER.EVENT_FORM'],
    ['a missing member', canonical.replace('"kind":"job.created",', ''), 'LEDGER.EVENT_FORM'],
  ])('refuses %s', (_what, bytes, code) => {
    expect(codeOf(() => parseEvent(utf8(bytes)))).toBe(code);
    expect(formFaults(utf8(bytes))).not.toEqual([]);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(codeOf(() => parseEvent(Uint8Array.of(0x22, 0xff, 0x22)))).toBe('LEDGER.EVENT_NOT_CANONICAL');
  });
});

describe('signEvent', () => {
  const seed = new Uint8Array(32).fill(3);
  const publicKey = ed25519.getPublicKey(seed);

  it('signs the event without its signature', () => {
    const signed = signEvent(EVENT, { kid: 'k1', seed });
    verifyEventSignature(parseEvent(canonicalBytes(signed)), publicKey);
    expect(hexOf(eventDigest(signed))).toBe(hexOf(eventDigest(EVENT)));
    expect(signEvent(signed, { kid: 'k1', seed })).toEqual(signed);
  });

  it('does not hold for another event, another key or none', () => {
    const signed = signEvent(EVENT, { kid: 'k1', seed });
    expect(codeOf(() => verifyEventSignature({ ...signed, kind: 'job.deleted' }, publicKey))).toBe(
      'LEDGER.EVENT_SIGNATURE',
    );
    expect(codeOf(() => verifyEventSignature(signed, ed25519.getPublicKey(new Uint8Array(32))))).toBe(
      'LEDGER.EVENT_SIGNATURE',
    );
    expect(codeOf(() => verifyEventSignature(EVENT, publicKey))).toBe('LEDGER.EVENT_UNSIGNED');
  });
});

describe('entryOf', () => {
  it('refuses an event of another tenant, and a seq that is none', () => {
    const input = {
      tenant: 'acme',
      seq: 0,
      event: EVENT,
      bytes: canonicalBytes(EVENT),
      previousChainHash: new Uint8Array(32),
    };
    expect(entryOf(input)).toMatchObject({
      _id: 'acme:0000000000000000',
      event_id: EVENT.id,
      project: 'p1',
      job_id: 'job-1',
    });
    expect(codeOf(() => entryOf({ ...input, tenant: 'other' }))).toBe('LEDGER.EVENT_TENANT');
    expect(codeOf(() => entryOf({ ...input, seq: -1 }))).toBe('LEDGER.INDEX_OUT_OF_RANGE');
  });
});

describe('macKey', () => {
  it('differs for every purpose, tenant, key id and master, and refuses a short master', () => {
    const use = { purpose: 'checkpoint', tenant: 'acme', keyId: '1' };
    const master = new Uint8Array(32).fill(1);
    const keys = [
      macKey(master, use),
      macKey(master, { ...use, purpose: 'manifest' }),
      macKey(master, { ...use, tenant: 'b' }),
      macKey(master, { ...use, keyId: '2' }),
      macKey(new Uint8Array(32), use),
    ];
    expect(new Set(keys.map((key) => hexOf(noteMac(key, 'text\n')))).size).toBe(5);
    expect(codeOf(() => macKey(new Uint8Array(31), use))).toBe('LEDGER.MAC_KEY_SHORT');
  });

  it('makes the HMAC of RFC 4231 test case 2', () => {
    expect(hexOf(noteMac(utf8('Jefe'), 'what do ya want for nothing?'))).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
  });
});

const hasNegativeZero = (value: unknown): boolean =>
  Object.is(value, -0) || (typeof value === 'object' && value !== null && Object.values(value).some(hasNegativeZero));
