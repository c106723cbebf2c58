import { base64Of, formatAddCheckpoint, parseAddCheckpoint } from '../index.js';
import { codeOf } from '../thrown-code.fixture.js';

/** The example of C2SP tlog-witness. */
const PROOF = [
  'PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=',
  'jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=',
  '5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=',
  '/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=',
];
const CHECKPOINT = `example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
`;
const BODY = `old 20852014\n${PROOF.join('\n')}\n\n${CHECKPOINT}`;

describe('parseAddCheckpoint', () => {
  it('reads the example of C2SP tlog-witness, and formatAddCheckpoint writes it', () => {
    const request = parseAddCheckpoint(BODY);
    expect(request.oldSize).toBe(20_852_014);
    expect(request.proof.map(base64Of)).toEqual(PROOF);
    expect(request.checkpoint).toBe(CHECKPOINT);
    expect(formatAddCheckpoint(request)).toBe(BODY);
  });

  it('reads a first request: size 0 and no proof', () => {
    expect(parseAddCheckpoint(`old 0\n\n${CHECKPOINT}`)).toEqual({ oldSize: 0, proof: [], checkpoint: CHECKPOINT });
  });

  it.each([
    ['no empty line', `old 3\n${PROOF[0]}\n`],
    ['no old line', `\n\n${CHECKPOINT}`],
    ['a size with leading zeroes', BODY.replace('old 2', 'old 02')],
    ['a sign', BODY.replace('old 2', 'old +2')],
    ['two spaces', BODY.replace('old ', 'old  ')],
    ['a size of 2^53', BODY.replace('20852014', '9007199254740992')],
    ['a proof hash of 31 bytes', `old 3\n${base64Of(new Uint8Array(31))}\n\n${CHECKPOINT}`],
    ['base64 with loose bits', BODY.replace('pkaw=', 'pkax=')],
    ['64 proof lines', `old 3\n${`${PROOF[0]}\n`.repeat(64)}\n${CHECKPOINT}`],
    ['carriage returns', BODY.replaceAll('\n', '\r\n')],
  ])('rejects %s with LEDGER.WITNESS_REQUEST_MALFORMED', (_what, body) => {
    expect(codeOf(() => parseAddCheckpoint(body))).toBe('LEDGER.WITNESS_REQUEST_MALFORMED');
  });

  it('takes the 63 proof lines that a client may send', () => {
    expect(parseAddCheckpoint(`old 3\n${`${PROOF[0]}\n`.repeat(63)}\n${CHECKPOINT}`).proof).toHaveLength(63);
  });
});

describe('formatAddCheckpoint', () => {
  it('refuses what a witness would: 64 hashes', () => {
    const proof = Array.from({ length: 64 }, () => new Uint8Array(32));
    const code = codeOf(() => formatAddCheckpoint({ oldSize: 1, proof, checkpoint: CHECKPOINT }));
    expect(code).toBe('LEDGER.WITNESS_REQUEST_MALFORMED');
  });
});
