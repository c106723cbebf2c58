// Makes apps/server/src/audit/anchors/rfc3161.vectors.json with `openssl ts`, once:
//   node tests/compat/timestamp-vectors.mjs
// Good tokens are openssl's own answers. Certificates that `openssl ts` refuses to sign with sign the same content
// through `openssl cms`.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TimestampAuthority } from './timestamp-authority.mjs';

const OUT = resolve(
  dirname(fileURLToPath(import.meta.url)),
  '../../apps/server/src/audit/anchors/rfc3161.vectors.json',
);
const DATA = 'assay.test/ledger/acme\n3\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
const NONCE = '0123456789abcdef';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';

const folder = mkdtempSync(join(tmpdir(), 'timestamp-vectors-'));
try {
  const authority = new TimestampAuthority(folder);
  writeFileSync(join(folder, 'data'), DATA);
  authority.certificate('tsa', {});
  authority.certificate('tsa_ec', { key: 'ec' });
  authority.certificate('tsa_expired', { from: '20200101000000Z', to: '20210101000000Z' });
  authority.certificate('tsa_early', { from: '20900101000000Z', to: '20910101000000Z' });
  authority.certificate('tsa_direct', { issuer: 'root' });
  for (const extensions of ['no_purpose', 'purpose_not_critical', 'two_purposes']) {
    authority.certificate(extensions, { extensions });
  }
  const other = new TimestampAuthority(join(folder, 'other'));

  const query = (digest) => queryOf(authority, digest);
  const token = (response) => cut(authority, response, 'token');
  const good = authority.reply(query('-sha256'));
  const vectors = {
    made_with: execFileSync('openssl', ['version'], { encoding: 'utf8' }).trim(),
    made_by: 'tests/compat/timestamp-vectors.mjs',
    data: DATA,
    nonce: NONCE,
    ca: authority.pem('root'),
    other_ca: other.pem('root'),
    response: good.toString('base64'),
    tokens: Object.fromEntries(
      [
        ['rsa', token(good)],
        ['ec', token(authority.reply(query('-sha256'), 'tsa_ec'))],
        ['under_the_root', token(authority.reply(query('-sha256'), 'tsa_direct'))],
        ['sha1_imprint', token(authority.reply(query('-sha1')))],
        ['expired', token(authority.reply(query('-sha256'), 'tsa_expired'))],
        ['not_yet_valid', token(authority.reply(query('-sha256'), 'tsa_early'))],
        ...['no_purpose', 'purpose_not_critical', 'two_purposes'].map((name) => [
          name,
          signedAnew(authority, good, name),
        ]),
        ['through_cms', signedAnew(authority, good, 'tsa')],
        ['without_signing_certificate', signedAnew(authority, good, 'tsa', [])],
      ].map(([name, bytes]) => [name, bytes.toString('base64')]),
    ),
  };
  writeFileSync(OUT, `${JSON.stringify(vectors, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function queryOf(authority, digest) {
  authority.openssl('ts', '-query', '-data', 'data', digest, '-cert', '-no_nonce', '-out', 'query');
  // openssl draws the nonce itself: ours is put into a query without one. INTEGER after the imprint, before certReq.
  const bare = readFileSync(join(authority.folder, 'query'));
  const certReq = bare.subarray(-3);
  const content = Buffer.concat([bare.subarray(2, -3), Buffer.from(`0208${NONCE}`, 'hex'), certReq]);
  return Buffer.concat([Buffer.of(0x30, content.length), content]);
}

function cut(authority, response, what) {
  writeFileSync(join(authority.folder, 'response'), response);
  authority.openssl('ts', '-reply', '-in', 'response', `-${what}_out`, '-out', 'cut');
  return readFileSync(join(authority.folder, 'cut'));
}

function signedAnew(authority, response, name, attributes = ['-cades']) {
  writeFileSync(join(authority.folder, 'token'), cut(authority, response, 'token'));
  authority.openssl('cms', '-verify', '-noverify', '-inform', 'DER', '-in', 'token', '-out', 'content');
  const signer = ['-signer', `${name}.pem`, '-inkey', `${name}.key`, '-certfile', 'intermediate.pem', '-md', 'sha256'];
  const form = ['-binary', '-nodetach', '-outform', 'DER', '-econtent_type', TST_INFO, ...attributes];
  authority.openssl('cms', '-sign', '-in', 'content', '-out', 'signed', ...form, ...signer);
  return readFileSync(join(authority.folder, 'signed'));
}
