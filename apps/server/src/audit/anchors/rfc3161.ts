import { createHash } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { AuditError, type AuditErrorCode } from '../audit.errors.js';

// RFC 3161, with pkijs for what RFC 5652 and RFC 5280 ask of the token and its certificates.

const SHA256 = '2.16.840.1.101.3.4.2.1';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';
const CONTENT_TYPE = '1.2.840.113549.1.9.3';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
/** Hashes that a token may be signed over, and an ESSCertID made with, by their ids. */
const HASHES: Readonly<Record<string, string>> = {
  [SHA256]: 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
/** Signing-certificate attributes (RFC 5035, and RFC 2634, which hashes with SHA-1). */
const SIGNING_CERTIFICATE_V2 = '1.2.840.113549.1.9.16.2.47';
const SIGNING_CERTIFICATE = '1.2.840.113549.1.9.16.2.12';
const GRANTED = [0, 1];

export type Certificates = readonly pkijs.Certificate[];

/** What a time-stamping authority says: the data was there at this time. */
export interface Timestamp {
  /** Seconds since 1970. */
  time: number;
}

/** The DER of a query (§2.4.1) for the SHA-256 of `data`; `nonce` is 8 bytes. The answer is to hold the certificates. */
export function timestampQuery(data: Uint8Array, nonce: Uint8Array): Uint8Array {
  const query = new pkijs.TimeStampReq({
    version: 1,
    messageImprint: new pkijs.MessageImprint({
      hashAlgorithm: new pkijs.AlgorithmIdentifier({ algorithmId: SHA256, algorithmParams: new asn1js.Null() }),
      hashedMessage: new asn1js.OctetString({ valueHex: bufferOf(createHash('sha256').update(data).digest()) }),
    }),
    nonce: new asn1js.Integer({ valueHex: bufferOf(positive(nonce)) }),
    certReq: true,
  });
  return new Uint8Array(query.toSchema().toBER());
}

/** The token in an authority's answer (§2.4.2), as it was sent. Throws TSA_REFUSED or TOKEN_MALFORMED. */
export function tokenIn(answer: Uint8Array): Uint8Array {
  const parsed = readable('an answer', () => {
    const sequence = wholeOf(answer);
    const { status } = pkijs.TimeStampResp.fromBER(answer).status;
    return { status, token: (sequence as asn1js.Sequence).valueBlock.value[1] };
  });
  if (!GRANTED.includes(parsed.status)) {
    throw new AuditError('AUDIT.TSA_REFUSED', `the authority answered with status ${parsed.status}`);
  }
  if (parsed.token === undefined) throw fault('AUDIT.TOKEN_MALFORMED', 'expected a token in the answer');
  return Uint8Array.from(parsed.token.valueBeforeDecodeView);
}

/** Certificates of a PEM file; none in one that holds none. Throws TSA_CA_INVALID. */
export function certificatesIn(pem: string): Certificates {
  const blocks = pem.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g);
  try {
    return [...blocks].map(([, base64]) => pkijs.Certificate.fromBER(Buffer.from(base64!, 'base64')));
  } catch (cause) {
    throw new AuditError('AUDIT.TSA_CA_INVALID', 'expected certificates in PEM', { cause });
  }
}

/**
 * Verifies a token over `data`, now or in a hundred years: imprint, nonce where one was sent, the signature over the
 * signed attributes (which name content and certificate), the chain to one of `trusted` at the time in the token, and
 * that the certificate is for time-stamping and nothing else (§2.3). Revocation is not asked for. Rejects with
 * TOKEN_MALFORMED, TOKEN_IMPRINT, TOKEN_NONCE, TOKEN_PURPOSE, TOKEN_EXPIRED (the certificate was not valid at that
 * time), TOKEN_CHAIN or TOKEN_SIGNATURE.
 */
export async function verifiedTimestamp(
  token: Uint8Array,
  { data, nonce, trusted }: { data: Uint8Array; nonce?: Uint8Array; trusted: Certificates },
): Promise<Timestamp> {
  const { signed, signer, info, certificate } = parsedToken(token);
  assertImprint(info, data);
  if (nonce && !sameInteger(info.nonce, nonce)) throw fault('AUDIT.TOKEN_NONCE', 'expected the nonce that was sent');
  assertPurpose(certificate);
  const { genTime } = info;
  if (certificate.notBefore.value > genTime || certificate.notAfter.value < genTime) {
    throw fault('AUDIT.TOKEN_EXPIRED', `expected a certificate that was valid at ${genTime.toISOString()}`);
  }
  assertAttributes(signer, certificate);
  await assertSignature(signed, data, trusted);
  return { time: Math.floor(genTime.getTime() / 1000) };
}

interface Parsed {
  signed: pkijs.SignedData;
  signer: pkijs.SignerInfo;
  info: pkijs.TSTInfo;
  certificate: pkijs.Certificate;
}

function parsedToken(token: Uint8Array): Parsed {
  const { signed, info } = readable('a token', () => {
    wholeOf(token);
    const content = pkijs.ContentInfo.fromBER(token);
    const signed = new pkijs.SignedData({ schema: content.content });
    return { signed, info: pkijs.TSTInfo.fromBER(signed.encapContentInfo.eContent!.getValue()) };
  });
  const [signer, ...others] = signed.signerInfos;
  if (!signer || others.length > 0) throw fault('AUDIT.TOKEN_MALFORMED', 'expected one signer');
  if (signed.encapContentInfo.eContentType !== TST_INFO) throw fault('AUDIT.TOKEN_MALFORMED', 'expected a TSTInfo');
  const certificate = signed.certificates?.find(
    (each): each is pkijs.Certificate => each instanceof pkijs.Certificate && isSigner(each, signer),
  );
  if (!certificate) throw fault('AUDIT.TOKEN_MALFORMED', "expected the signer's certificate in the token");
  return { signed, signer, info, certificate };
}

function isSigner(certificate: pkijs.Certificate, { sid }: pkijs.SignerInfo): boolean {
  if (!(sid instanceof pkijs.IssuerAndSerialNumber)) return false;
  return certificate.issuer.isEqual(sid.issuer) && certificate.serialNumber.isEqual(sid.serialNumber);
}

function assertImprint({ messageImprint }: pkijs.TSTInfo, data: Uint8Array): void {
  const imprint = Buffer.from(messageImprint.hashedMessage.valueBlock.valueHexView);
  const expected = createHash('sha256').update(data).digest();
  if (messageImprint.hashAlgorithm.algorithmId !== SHA256 || !imprint.equals(expected)) {
    throw fault('AUDIT.TOKEN_IMPRINT', 'expected the SHA-256 of what was sent');
  }
}

/** §2.3: one extended key usage, critical, time-stamping alone. */
function assertPurpose({ extensions = [] }: pkijs.Certificate): void {
  const [usage, ...others] = extensions.filter(({ extnID }) => extnID === EXTENDED_KEY_USAGE);
  const purposes = usage?.parsedValue instanceof pkijs.ExtKeyUsage ? usage.parsedValue.keyPurposes : [];
  if (usage?.critical && others.length === 0 && purposes.length === 1 && purposes[0] === TIME_STAMPING) return;
  throw fault('AUDIT.TOKEN_PURPOSE', 'expected a certificate for time-stamping alone, and critically so');
}

/** §2.4.2 and RFC 5652 §5.3: the signed attributes name the content's type and the certificate. */
function assertAttributes(signer: pkijs.SignerInfo, certificate: pkijs.Certificate): void {
  const attributes = signer.signedAttrs?.attributes ?? [];
  const valueOf = (type: string): unknown => {
    const found = attributes.filter((attribute) => attribute.type === type);
    return found.length === 1 && found[0]!.values.length === 1 ? found[0]!.values[0] : undefined;
  };
  const contentType = valueOf(CONTENT_TYPE);
  if (!(contentType instanceof asn1js.ObjectIdentifier) || contentType.valueBlock.toString() !== TST_INFO) {
    throw fault('AUDIT.TOKEN_SIGNATURE', 'expected the content type among the signed attributes');
  }
  if (HASHES[signer.digestAlgorithm.algorithmId] === undefined) {
    throw fault('AUDIT.TOKEN_SIGNATURE', 'expected a signature over SHA-256, SHA-384 or SHA-512');
  }
  const v2 = valueOf(SIGNING_CERTIFICATE_V2);
  if (!namesCertificate(v2 ?? valueOf(SIGNING_CERTIFICATE), v2 ? 'sha256' : 'sha1', certificate)) {
    throw fault('AUDIT.TOKEN_SIGNATURE', "expected the signer's certificate among the signed attributes");
  }
}

/** The first ESSCertID or ESSCertIDv2 is of the signer's certificate: `[hash algorithm], hash, [issuer and serial]`. */
function namesCertificate(attribute: unknown, preset: string, certificate: pkijs.Certificate): boolean {
  const [certificates] = elementsOf(attribute);
  const [first] = elementsOf(certificates);
  const elements = elementsOf(first);
  const hash = elements.find((element) => element instanceof asn1js.OctetString);
  const [algorithm] = elements[0] === hash ? [] : elementsOf(elements[0]);
  const name = algorithm instanceof asn1js.ObjectIdentifier ? HASHES[algorithm.valueBlock.toString()] : preset;
  if (hash === undefined || name === undefined) return false;
  const expected = createHash(name).update(Buffer.from(certificate.toSchema().toBER())).digest();
  return Buffer.from(hash.valueBlock.valueHexView).equals(expected);
}

const elementsOf = (block: unknown): readonly unknown[] =>
  block instanceof asn1js.Sequence ? block.valueBlock.value : [];

async function assertSignature(signed: pkijs.SignedData, data: Uint8Array, trusted: Certificates): Promise<void> {
  const options = { signer: 0, data: bufferOf(data), trustedCerts: [...trusted], checkChain: true };
  const holds = await signed.verify(options).catch((cause: unknown) => {
    const chain = cause instanceof pkijs.SignedDataVerifyError && cause.signerCertificateVerified === false;
    if (chain) throw fault('AUDIT.TOKEN_CHAIN', 'expected a chain to a certificate of AUDIT_TSA_CA', cause);
    throw fault('AUDIT.TOKEN_SIGNATURE', 'the signature could not be checked', cause);
  });
  if (!holds) throw fault('AUDIT.TOKEN_SIGNATURE', 'the signature does not hold');
}

/** Throws what `readable` makes TOKEN_MALFORMED. */
function wholeOf(der: Uint8Array): asn1js.AsnType {
  const { offset, result } = asn1js.fromBER(der);
  if (offset !== der.length) throw new Error(`expected ${der.length} bytes of BER, found ${offset}`);
  return result;
}

function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw fault('AUDIT.TOKEN_MALFORMED', `expected ${what} of RFC 3161`, cause);
  }
}

function sameInteger(found: asn1js.Integer | undefined, nonce: Uint8Array): boolean {
  return found !== undefined && Buffer.from(found.valueBlock.valueHexView).equals(positive(nonce));
}

/** The content of a DER INTEGER that is not negative (X.690 §8.3). */
function positive(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = Buffer.from(first < 0 ? [0] : bytes.subarray(first));
  return digits[0]! > 0x7f ? Buffer.concat([Buffer.of(0), digits]) : digits;
}

const bufferOf = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;

const fault = (code: AuditErrorCode, message: string, cause?: unknown): AuditError =>
  new AuditError(code, `the time stamp: ${message}`, { cause });
