import { checkData, eventKinds, personsIn, withPseudonyms } from './index.js';
import type { DataOf, EventKind } from './index.js';
import { codeOf } from './thrown-code.fixture.js';

const KINDS = eventKinds({
  'job.created': {
    schema: 1,
    data: {
      platform: 'code',
      bytes: 'count',
      sha256: 'digest',
      outcome: { oneOf: ['ok', 'failed'] },
      by: { optional: 'person' },
      others: { optional: { list: 'person' } },
    },
  },
});
const KIND = KINDS['job.created'];
const DATA: DataOf<typeof KIND> = { platform: '520', bytes: 3, sha256: 'ab'.repeat(32), outcome: 'ok' };

describe('checkData', () => {
  it('accepts what the kind declares', () => {
    expect(() => checkData(KIND, DATA)).not.toThrow();
    expect(() => checkData(KIND, { ...DATA, by: 'jane@example.org', others: ['x'] })).not.toThrow();
  });

  it('has one code for each fault', () => {
    expect(codeOf(() => checkData(KIND, { ...DATA, file_name: 'x' }))).toBe('LEDGER.DATA_FIELD_UNKNOWN');
    expect(codeOf(() => checkData(KIND, { ...DATA, constructor: 'x' }))).toBe('LEDGER.DATA_FIELD_UNKNOWN');
    expect(codeOf(() => checkData(KIND, { ...DATA, bytes: undefined }))).toBe('LEDGER.DATA_FIELD_MISSING');
    expect(codeOf(() => checkData(KIND, { ...DATA, outcome: 'maybe' }))).toBe('LEDGER.DATA_FIELD_FORM');
    expect(codeOf(() => checkData(KIND, { ...DATA, by: '' }))).toBe('LEDGER.DATA_FIELD_FORM');
    // eslint-disable-next-line no-sparse-arrays
    expect(codeOf(() => checkData(KIND, { ...DATA, others: ['a', , 'b'] }))).toBe('LEDGER.DATA_FIELD_FORM');
  });

  it.each(['id', 'code', 'version', 'digest', 'time', 'count', 'number', 'boolean'] as const)(
    'lets no free text into %s',
    (form) => {
      const kind: EventKind = { kind: 'a.b', schema: 1, data: { field: form } };
      const texts = [
        'two words',
        'Müller',
        'jane@example.org',
        '/etc/passwd',
        'my model.onnx',
        'https://x.org',
        'a\nb',
        '',
        'x'.repeat(500),
      ];
      for (const field of texts) expect(codeOf(() => checkData(kind, { field }))).toBe('LEDGER.DATA_FIELD_FORM');
    },
  );
});

describe('withPseudonyms', () => {
  const data = { ...DATA, by: 'jane@example.org', others: ['bob', 'jane@example.org'] };
  const pseudonyms = new Map([
    ['jane@example.org', 'aa'.repeat(32)],
    ['bob', 'bb'.repeat(32)],
  ]);

  it('replaces every person and nothing else', () => {
    expect(personsIn(KIND, data)).toEqual(['jane@example.org', 'bob']);
    const by = 'aa'.repeat(32);
    expect(withPseudonyms(KIND, data, pseudonyms)).toEqual({ ...DATA, by, others: ['bb'.repeat(32), by] });
  });

  it('refuses a person without a pseudonym', () => {
    expect(codeOf(() => withPseudonyms(KIND, data, new Map()))).toBe('LEDGER.PSEUDONYM_MISSING');
  });
});

describe('eventKinds', () => {
  it.each<[string, Record<string, Omit<EventKind, 'kind'>>]>([
    ['a kind without a domain', { created: { schema: 1, data: {} } }],
    ['schema 0', { 'a.b': { schema: 0, data: {} } }],
    ['a field in camelCase', { 'a.b': { schema: 1, data: { fileName: 'id' } } }],
    ['a form of its own', { 'a.b': { schema: 1, data: { note: 'text' as 'id' } } }],
    ['a choice of sentences', { 'a.b': { schema: 1, data: { note: { oneOf: ['two words'] } } } }],
  ])('refuses %s', (_what, kinds) => {
    expect(codeOf(() => eventKinds(kinds))).toBe('LEDGER.KIND_DECLARATION');
  });
});
