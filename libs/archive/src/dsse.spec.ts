import fc from 'fast-check';
import { createPublicKey, verify } from 'node:crypto';
import { KEY, PUBLIC, SIGNING } from './archive.fixture.js';
import { dssePae, envelopeSigners, envelopeText, parsedEnvelope } from './dsse.js';

const TYPE = 'application/vnd.assay.test+json';

describe('dssePae', () => {
  // Test vector of the DSSE protocol (secure-systems-lab/dsse, protocol.md, "Test Vectors").
  const [type, body] = ['http://example.com/HelloWorld', Buffer.from('hello world')];

  it('is the encoding of the specification', () => {
    expect(dssePae(type, body).toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });

  it('is what the specification’s own signature is over', () => {
    const coordinate = (decimal: string): string =>
      Buffer.from(BigInt(decimal).toString(16).padStart(64, '0'), 'hex').toString('base64url');
    const key = createPublicKey({
      format: 'jwk',
      key: {
        kty: 'EC',
        crv: 'P-256',
        x: coordinate('46950820868899156662930047687818585632848591499744589407958293238635476079160'),
        y: coordinate('5640078356564379163099075877009565129882514886557779369047442380624545832820'),
      },
    });
    const signature = Buffer.from(
      'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==',
      'base64',
    );
    const signed = { key, dsaEncoding: 'ieee-p1363' } as const;
    expect(verify('sha256', dssePae(type, body), signed, signature)).toBe(true);
    expect(verify('sha256', dssePae(`${type} `, body), signed, signature)).toBe(false);
  });

  it('counts bytes, not characters, and no two pairs share it', () => {
    expect(dssePae('é', Buffer.from('ü')).toString()).toBe('DSSEv1 2 é 2 ü');
    const pair = fc.tuple(fc.string(), fc.uint8Array({ maxLength: 20 }));
    fc.assert(
      fc.property(pair, pair, ([typeA, bodyA], [typeB, bodyB]) => {
        const same = Buffer.from(typeA).equals(Buffer.from(typeB)) && Buffer.compare(bodyA, bodyB) === 0;
        expect(dssePae(typeA, bodyA).equals(dssePae(typeB, bodyB))).toBe(same);
      }),
    );
  });
});

describe('an envelope', () => {
  const payload = Buffer.from('{"a":1}');
  const text = envelopeText(TYPE, payload, SIGNING);

  it('is signed as anyone with node:crypto checks it', () => {
    const { signatures } = JSON.parse(text) as { signatures: { sig: string }[] };
    const pae = Buffer.from(`DSSEv1 ${TYPE.length} ${TYPE} 7 {"a":1}`);
    expect(verify(null, pae, PUBLIC, Buffer.from(signatures[0]!.sig, 'base64'))).toBe(true);
  });

  it('comes back from its text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        const parsed = parsedEnvelope(envelopeText(TYPE, bytes, SIGNING));
        expect(Buffer.compare(parsed.payload, bytes)).toBe(0);
        expect(envelopeSigners(parsed, [KEY])).toEqual({ holding: [SIGNING.signer.keyId], failing: [] });
      }),
      { numRuns: 30 },
    );
  });

  const { mac, signatures } = JSON.parse(text) as { mac: object; signatures: object[] };
  const whole = { mac, payload: 'e30=', payloadType: TYPE, signatures };
  it.each([
    ['no JSON', '{'],
    ['another spelling of the same', JSON.stringify(JSON.parse(text), null, 1)],
    ['a newline behind it', `${text}\n`],
    ['no signature', JSON.stringify({ ...whole, signatures: [] })],
    ['no MAC', JSON.stringify({ payload: 'e30=', payloadType: TYPE, signatures })],
    ['a further member', JSON.stringify({ ...whole, z: 1 })],
    ['base64 of another alphabet', JSON.stringify({ ...whole, payload: '-_==' })],
    ['base64 with bits to spare', JSON.stringify({ ...whole, payload: 'e31=' })],
    ['a lone surrogate', JSON.stringify({ ...whole, payloadType: '\ud800' })],
    ['an array', '[]'],
    ['bytes that are no UTF-8', Buffer.from('ff', 'hex')],
  ])('is refused with ARCHIVE.ENVELOPE_FORM when it is or has %s', (_, changed) => {
    expect(() => parsedEnvelope(changed)).toThrow(expect.objectContaining({ code: 'ARCHIVE.ENVELOPE_FORM' }) as Error);
  });

  it('is not held by a key of another name, nor by one for cosignatures', () => {
    const parsed = parsedEnvelope(text);
    const others = [
      { ...KEY, name: 'elsewhere' },
      { ...KEY, algorithm: 'cosignature/v1' as const },
    ];
    expect(envelopeSigners(parsed, others)).toEqual({ holding: [], failing: [] });
  });
});
