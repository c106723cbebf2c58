// A time-stamping authority (RFC 3161) of `openssl ts`: a root, an intermediate and a signing certificate in a folder,
// and a program that answers one query with them. For the compatibility stage and for making the test vectors.
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';

const CONFIG = `
[ca]
default_ca = authority
[authority]
dir = .
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
email_in_dn = no
[any]
commonName = supplied
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
authorityKeyIdentifier = keyid
[no_purpose]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
[purpose_not_critical]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = timeStamping
[two_purposes]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping,emailProtection
[service]
default_tsa = reply
[reply]
serial = ts_serial
default_policy = 1.2.3.4.1
digests = sha1, sha256, sha384, sha512
signer_digest = sha256
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
`;

const FOREVER = { from: '20200101000000Z', to: '21200101000000Z' };

/** In the folder: root.pem, intermediate.pem, and for every certificate made <name>.key, <name>.pem. */
export class TimestampAuthority {
  constructor(folder) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'openssl.cnf'), CONFIG);
    writeFileSync(join(folder, 'index.txt'), '');
    writeFileSync(join(folder, 'serial'), '01\n');
    writeFileSync(join(folder, 'ts_serial'), '01\n');
    this.certificate('root', { issuer: 'root', extensions: 'root', key: 'ec' });
    this.certificate('intermediate', { issuer: 'root', extensions: 'intermediate', key: 'ec' });
    writeFileSync(join(folder, 'chain.pem'), this.pem('intermediate') + this.pem('root'));
  }

  openssl(...args) {
    return execFileSync('openssl', args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  pem(name) {
    return readFileSync(join(this.folder, `${name}.pem`), 'utf8');
  }

  certificate(
    name,
    { issuer = 'intermediate', extensions = 'tsa', key = 'rsa', from = FOREVER.from, to = FOREVER.to },
  ) {
    const algorithm =
      key === 'ec' ? ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['-algorithm', 'RSA'];
    this.openssl('genpkey', ...algorithm, '-out', `${name}.key`);
    this.openssl(
      'req',
      '-new',
      '-config',
      'openssl.cnf',
      '-key',
      `${name}.key`,
      '-subj',
      `/CN=${name}`,
      '-out',
      `${name}.csr`,
    );
    const signer =
      issuer === name
        ? ['-selfsign', '-keyfile', `${name}.key`]
        : ['-cert', `${issuer}.pem`, '-keyfile', `${issuer}.key`];
    const term = ['-startdate', from, '-enddate', to];
    const files = ['-in', `${name}.csr`, '-out', `${name}.pem`];
    this.openssl(
      'ca',
      '-batch',
      '-notext',
      '-config',
      'openssl.cnf',
      '-extensions',
      extensions,
      ...signer,
      ...term,
      ...files,
    );
  }

  /** The response to a query, signed with this certificate. */
  reply(query, name = 'tsa') {
    const id = randomUUID();
    writeFileSync(join(this.folder, `${id}.tsq`), query);
    const signer = ['-signer', `${name}.pem`, '-inkey', `${name}.key`, '-chain', 'chain.pem'];
    const ask = ['-config', 'openssl.cnf', '-section', 'reply', '-queryfile', `${id}.tsq`, '-out', `${id}.tsr`];
    this.openssl('ts', '-reply', ...ask, ...signer);
    return readFileSync(join(this.folder, `${id}.tsr`));
  }

  /** Answers `application/timestamp-query` on a free port until it is closed. */
  async serve() {
    const server = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      if (request.headers['content-type'] !== 'application/timestamp-query') return response.writeHead(415).end();
      response.writeHead(200, { 'content-type': 'application/timestamp-reply' }).end(this.reply(Buffer.concat(chunks)));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
  }
}
