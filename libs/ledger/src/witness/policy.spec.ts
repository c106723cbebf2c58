import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { isWitnessed, parsePolicy, verifierKey, verifierKeyText } from '../index.js';
import type { NoteAlgorithm, WitnessPolicy } from '../index.js';
import { utf8 } from '../bytes.js';
import { codeOf } from '../thrown-code.fixture.js';

const vkey = (name: string, seed: number, algorithm: NoteAlgorithm = 'cosignature/v1'): string =>
  verifierKeyText(verifierKey(name, ed25519.getPublicKey(new Uint8Array(32).fill(seed)), algorithm));
const LOG = vkey('example.org/log', 100, 'ed25519');
const policyOf = (...lines: string[]): WitnessPolicy => parsePolicy(utf8(lines.map((line) => `${line}\n`).join('')));
const thrown = (...lines: string[]) => codeOf(() => policyOf(...lines));

/** The example of C2SP tlog-policy, with keys. */
const EXAMPLE = [
  `log ${LOG}`,
  '',
  ...[1, 2, 3].map((n) => `witness X${n} ${vkey(`x.example/${n}`, n)}`),
  'group X-witnesses 2 X1 X2 X3',
  '',
  ...[1, 2, 3].map((n) => `witness Y${n} ${vkey(`y.example/${n}`, 10 + n)}`),
  'group Y-witnesses any Y1 Y2 Y3',
  '',
  'group X-and-Y all X-witnesses Y-witnesses',
  'quorum X-and-Y',
];

describe('parsePolicy', () => {
  it('reads the example of C2SP tlog-policy', () => {
    const { logs, witnesses } = policyOf(...EXAMPLE);
    expect(logs.map(({ key }) => key.name)).toEqual(['example.org/log']);
    expect(witnesses.map(({ name }) => name)).toEqual(['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3']);
  });

  it('takes URLs, tabs, comments and space at both ends', () => {
    const policy = policyOf(
      '  # comment',
      `\twitness\tw  ${vkey('w.example', 1)} https://w.example/prefix/ `,
      'quorum w',
    );
    expect(policy.witnesses).toMatchObject([{ name: 'w', url: 'https://w.example/prefix' }]);
  });

  it('takes names as octets: a Kelvin sign is no K', () => {
    const lines = [`witness \u212a ${vkey('w.example', 1)}`, `witness K ${vkey('v.example', 2)}`];
    const policy = policyOf(...lines, 'quorum K');
    expect(isWitnessed(policy, new Set([policy.witnesses[0]!.name]))).toBe(false);
    expect(isWitnessed(policy, new Set(['K']))).toBe(true);
  });

  it('takes 32 logs, 32 witnesses and 32 groups', () => {
    const counted = Array.from({ length: 32 }, (_, n) => n);
    const policy = policyOf(
      ...counted.map((n) => `log ${vkey(`log.example/${n}`, 100 + n, 'ed25519')}`),
      ...counted.flatMap((n) => [`witness w${n} ${vkey(`w.example/${n}`, n)}`, `group g${n} 1 w${n}`]),
      'quorum g31',
    );
    expect(policy.logs).toHaveLength(32);
    expect(isWitnessed(policy, new Set(['w31']))).toBe(true);
  });

  const W = `witness w ${vkey('w.example', 1)}`;
  it.each([
    ['LEDGER.POLICY_SYNTAX', 'no quorum', [W]],
    ['LEDGER.POLICY_SYNTAX', 'two quorums', [W, 'quorum w', 'quorum w']],
    ['LEDGER.POLICY_SYNTAX', 'an unknown word', ['witnes w', 'quorum none']],
    ['LEDGER.POLICY_SYNTAX', 'a witness without a key', ['witness w', 'quorum none']],
    ['LEDGER.POLICY_SYNTAX', 'a fourth item', [`${W} https://w.example more`, 'quorum w']],
    ['LEDGER.POLICY_SYNTAX', 'a group without members', [W, 'group g all', 'quorum w']],
    ['LEDGER.POLICY_SYNTAX', 'a threshold of 0', [W, 'group g 0 w', 'quorum g']],
    ['LEDGER.POLICY_SYNTAX', 'a threshold beyond the members', [W, 'group g 2 w', 'quorum g']],
    ['LEDGER.POLICY_SYNTAX', 'a carriage return', [`${W}\r`, 'quorum w']],
    ['LEDGER.POLICY_SYNTAX', 'another control character', ['# \u007f', 'quorum none']],
    ['LEDGER.POLICY_NAME_UNKNOWN', 'a quorum defined nowhere', ['quorum w']],
    ['LEDGER.POLICY_NAME_UNKNOWN', 'a group of names below', ['group g all w', W, 'quorum g']],
    ['LEDGER.POLICY_NAME_UNKNOWN', 'none as a member', ['group g any none', 'quorum g']],
    ['LEDGER.POLICY_NAME_TAKEN', 'a witness called none', [`witness none ${vkey('w.example', 1)}`, 'quorum none']],
    ['LEDGER.POLICY_NAME_TAKEN', 'a group named as a witness', [W, 'group w all w', 'quorum w']],
    ['LEDGER.POLICY_MEMBER_REPEATED', 'a witness twice in a group', [W, 'group g 2 w w', 'quorum g']],
    ['LEDGER.POLICY_MEMBER_REPEATED', 'a witness in two groups', [W, 'group g all w', 'group h all w', 'quorum h']],
    ['LEDGER.POLICY_KEY_REPEATED', 'one key under two names', [W, `witness v ${vkey('v.example', 1)}`, 'quorum w']],
    ['LEDGER.POLICY_KEY_TYPE', "a log's key for a witness", [`witness w ${LOG}`, 'quorum w']],
    ['LEDGER.POLICY_KEY_TYPE', "a witness's key for a log", [`log ${vkey('w.example', 1)}`, 'quorum none']],
    ['LEDGER.VERIFIER_KEY_MALFORMED', 'no key', ['witness w key', 'quorum w']],
  ])('rejects with %s: %s', (code, _what, lines) => {
    expect(thrown(...lines)).toBe(code);
  });

  it('rejects a last line without its newline', () => {
    expect(codeOf(() => parsePolicy(utf8('quorum none')))).toBe('LEDGER.POLICY_SYNTAX');
  });
});

describe('isWitnessed', () => {
  const example = policyOf(...EXAMPLE);
  it.each([
    [true, 'X1 X3 Y2'],
    [true, 'X1 X2 X3 Y1 Y2 Y3'],
    [false, 'X1 Y1 Y2 Y3'],
    [false, 'X1 X2 X3'],
    [false, ''],
    [false, 'X-and-Y'],
  ])('is %s for the example of C2SP tlog-policy and %s', (expected, names) => {
    expect(isWitnessed(example, new Set(names.split(' ')))).toBe(expected);
  });

  it('holds without anyone where the quorum is none', () => {
    expect(isWitnessed(policyOf('quorum none'), new Set())).toBe(true);
  });

  it('is k of n for every k, n and choice', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.nat(), fc.nat(255), (n, anyK, choice) => {
        const names = Array.from({ length: n }, (_, i) => `w${i}`);
        const k = 1 + (anyK % n);
        const lines = names.map((name, i) => `witness ${name} ${VKEYS[i]}`);
        const policy = policyOf(...lines, `group g ${k} ${names.join(' ')}`, 'quorum g');
        const chosen = new Set(names.filter((_, i) => (choice >> i) % 2 === 1));
        expect(isWitnessed(policy, chosen)).toBe(chosen.size >= k);
      }),
    );
  });
});

const VKEYS = Array.from({ length: 8 }, (_, i) => vkey(`w.example/${i}`, i + 1));
