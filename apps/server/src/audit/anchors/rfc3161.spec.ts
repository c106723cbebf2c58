import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificatesIn, timestampQuery, tokenIn, verifiedTimestamp } from './rfc3161.js';

/** Made once by `openssl ts` and `openssl cms`: tests/compat/timestamp-vectors.mjs. */
const VECTORS = JSON.parse(readFileSync(join(import.meta.dirname, 'rfc3161.vectors.json'), 'utf8')) as {
  data: string;
  nonce: string;
  ca: string;
  other_ca: string;
  response: string;
  tokens: Record<string, string>;
};
const DATA = Buffer.from(VECTORS.data);
const NONCE = Buffer.from(VECTORS.nonce, 'hex');
const TRUSTED = certificatesIn(VECTORS.ca);
const token = (name: string): Buffer => Buffer.from(VECTORS.tokens[name]!, 'base64');

const range = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => from + i * step);

const verified = (bytes: Uint8Array, over: object = {}) =>
  verifiedTimestamp(bytes, { data: DATA, nonce: NONCE, trusted: TRUSTED, ...over });

describe('timestampQuery', () => {
  it('is what openssl writes: SHA-256, the nonce, and certificates wanted', () => {
    const imprint = createHash('sha256').update(DATA).digest('hex');
    const algorithm = '300d06096086480165030402010500';
    const imprinted = `3031${algorithm}0420${imprint}`;
    expect(Buffer.from(timestampQuery(DATA, NONCE)).toString('hex')).toBe(
      `3043020101${imprinted}02080123456789abcdef0101ff`,
    );
  });

  it('writes a nonce as a positive integer', () => {
    const query = Buffer.from(timestampQuery(DATA, Buffer.from('ff00000000000001', 'hex'))).toString('hex');
    expect(query).toContain('020900ff00000000000001');
  });
});

describe('tokenIn', () => {
  it('gives the token as it was sent', () => {
    expect(Buffer.from(tokenIn(Buffer.from(VECTORS.response, 'base64')))).toEqual(token('rsa'));
  });

  it.each([
    ['AUDIT.TSA_REFUSED', 'a rejection', '30053003020102'],
    ['AUDIT.TOKEN_MALFORMED', 'a grant without a token', '30053003020100'],
    ['AUDIT.TOKEN_MALFORMED', 'no answer', '0500'],
    ['AUDIT.TOKEN_MALFORMED', 'bytes after it', '3005300302010000'],
    ['AUDIT.TOKEN_MALFORMED', 'nothing', ''],
  ])('rejects with %s: %s', (code, _what, hex) => {
    expect(() => tokenIn(Buffer.from(hex, 'hex'))).toThrow(expect.objectContaining({ code }));
  });
});

describe('verifiedTimestamp', () => {
  it.each(['rsa', 'ec', 'under_the_root', 'through_cms'])('takes the token of openssl: %s', async (name) => {
    const { time } = await verified(token(name));
    expect(new Date(time * 1000).toISOString()).toMatch(/^20\d\d-/);
  });

  it('takes it again without the nonce, which nobody keeps', async () => {
    await verified(token('rsa'), { nonce: undefined });
  });

  it.each([
    ['AUDIT.TOKEN_IMPRINT', 'other data', 'rsa', { data: Buffer.from('other') }],
    ['AUDIT.TOKEN_IMPRINT', 'a SHA-1 imprint', 'sha1_imprint', {}],
    ['AUDIT.TOKEN_NONCE', 'another nonce', 'rsa', { nonce: Buffer.from('0123456789abcdee', 'hex') }],
    ['AUDIT.TOKEN_CHAIN', 'another authority', 'rsa', { trusted: certificatesIn(VECTORS.other_ca) }],
    ['AUDIT.TOKEN_CHAIN', 'no authority', 'rsa', { trusted: [] }],
    ['AUDIT.TOKEN_EXPIRED', 'a certificate that had expired', 'expired', {}],
    ['AUDIT.TOKEN_EXPIRED', 'a certificate not valid yet', 'not_yet_valid', {}],
    ['AUDIT.TOKEN_PURPOSE', 'a certificate without a purpose', 'no_purpose', {}],
    ['AUDIT.TOKEN_PURPOSE', 'a purpose that is not critical', 'purpose_not_critical', {}],
    ['AUDIT.TOKEN_PURPOSE', 'a second purpose', 'two_purposes', {}],
    ['AUDIT.TOKEN_SIGNATURE', 'attributes that name no certificate', 'without_signing_certificate', {}],
  ])('rejects with %s: %s', async (code, _what, name, over) => {
    await expect(verified(token(name), over)).rejects.toMatchObject({ code });
  });

  it('rejects altered bytes of what is stamped, of the signed attributes and of the signature', async () => {
    const good = token('ec');
    const imprint = good.indexOf(createHash('sha256').update(DATA).digest());
    // TSTInfo from its version on to its nonce; attributes and signature end the token.
    const places = [...range(imprint - 30, imprint + 76, 17), ...range(good.length - 215, good.length, 17)];
    const taken: number[] = [];
    for (const at of places) {
      const altered = Buffer.from(good);
      altered[at]! ^= 0x01;
      await verified(altered).then(
        () => taken.push(at),
        (error: unknown) => expect(error).toMatchObject({ code: expect.stringMatching(/^AUDIT\.TOKEN_/) as string }),
      );
    }
    expect(taken).toEqual([]);
  });

  it.each([
    ['nothing', (bytes: Buffer) => bytes.subarray(0, 0)],
    ['a cut token', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['a byte too many', (bytes: Buffer) => Buffer.concat([bytes, Buffer.of(0)])],
  ])('rejects %s with AUDIT.TOKEN_MALFORMED', async (_what, harm) => {
    await expect(verified(harm(token('rsa')))).rejects.toMatchObject({ code: 'AUDIT.TOKEN_MALFORMED' });
  });
});

describe('certificatesIn', () => {
  it('finds none where there is none, and refuses what is no certificate', () => {
    expect(certificatesIn('nothing')).toEqual([]);
    const harmed = VECTORS.ca.replace(/MII.{40}/, '');
    expect(() => certificatesIn(harmed)).toThrow(expect.objectContaining({ code: 'AUDIT.TSA_CA_INVALID' }));
  });
});
