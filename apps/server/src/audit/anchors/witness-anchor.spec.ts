import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ed25519 } from '@noble/curves/ed25519.js';
import {
  cosigner,
  formatCheckpoint,
  leafHash,
  noteSigner,
  parseAddCheckpoint,
  rootOf,
  signatureLine,
  signNote,
  verifierKey,
  verifyConsistency,
  type HashTiles,
} from '#libs/ledger';
import { WitnessAnchor } from './witness-anchor.js';

const NOW = 1_790_000_000;
const ORIGIN = 'assay.test/ledger/acme';
const SEED = new Uint8Array(32).fill(7);

const signer = cosigner('w.example/1', SEED, NOW);
const KEY = verifierKey('w.example/1', ed25519.getPublicKey(SEED), 'cosignature/v1');
const LEAVES = Array.from({ length: 20 }, (_, i) => leafHash(Buffer.from(`${i}`)));
const tiles: HashTiles = { tile: async (_level, _index, width) => LEAVES.slice(0, width) };
const rootAt = (size: number): Uint8Array => rootOf(LEAVES.slice(0, size));
const textAt = (size: number): string => formatCheckpoint({ origin: ORIGIN, size, root: rootAt(size) });

interface Answered {
  status: number;
  body: string;
}

let server: Server;
let asked: string[];
let answer: (body: string) => Answered;
beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked.push(Buffer.concat(chunks).toString('utf8'));
      const { status, body } = request.url === '/w/add-checkpoint' ? answer(asked.at(-1)!) : { status: 404, body: '' };
      response.writeHead(status, { location: '/w/elsewhere' }).end(body);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const cosigned = (body: string, by = signer): Answered => {
  const [text] = parseAddCheckpoint(body).checkpoint.split('\n\n');
  return { status: 200, body: signatureLine(by, `${text}\n`) };
};

function anchored(size: number, known = 0, published = size) {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/w`;
  const sizes = { cosigned: async () => known, published: async () => published };
  const anchor = new WitnessAnchor({ name: 'w', key: KEY, url }, sizes, () => NOW * 1000);
  const note = signNote(textAt(size), noteSigner(ORIGIN, new Uint8Array(32).fill(1)));
  const checkpoint = { tenant: 'acme', origin: ORIGIN, size, root: rootAt(size), note };
  return anchor.anchor({ checkpoint, tiles }, new AbortController().signal);
}

describe('WitnessAnchor', () => {
  it('asks with what it knows and a proof that holds, and gives the cosignature', async () => {
    answer = cosigned;
    const { time, cosignature } = await anchored(20, 6);
    expect({ time, cosignature }).toMatchObject({ time: NOW, cosignature: { name: 'w.example/1', time: NOW } });
    const { oldSize, proof } = parseAddCheckpoint(asked[0]!);
    expect(oldSize).toBe(6);
    verifyConsistency({ from: 6, to: 20, fromRoot: rootAt(6), toRoot: rootAt(20), proof });
  });

  it.each([
    ['a smaller size', 12],
    ['the size itself', 20],
    ['none', 0],
  ])('asks again after 409 with %s', async (_what, told) => {
    answer = (body) =>
      parseAddCheckpoint(body).oldSize === told ? cosigned(body) : { status: 409, body: `${told}\n` };
    await anchored(20, 6);
    const { oldSize, proof } = parseAddCheckpoint(asked[1]!);
    const from = { from: told, fromRoot: told === 0 ? rootOf([]) : rootAt(told) };
    verifyConsistency({ ...from, to: 20, toRoot: rootAt(20), proof });
    expect([asked.length, oldSize]).toEqual([2, told]);
  });

  it.each([
    ['AUDIT.WITNESS_REFUSED', 400],
    ['AUDIT.WITNESS_KEY_UNKNOWN', 403],
    ['AUDIT.WITNESS_LOG_UNKNOWN', 404],
    ['AUDIT.WITNESS_CONTRADICTED', 422],
    ['AUDIT.WITNESS_UNAVAILABLE', 429],
    ['AUDIT.WITNESS_UNAVAILABLE', 503],
    ['AUDIT.WITNESS_UNAVAILABLE', 307],
  ])('rejects with %s after %d', async (code, status) => {
    answer = () => ({ status, body: '' });
    await expect(anchored(20)).rejects.toMatchObject({ code });
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['AUDIT.WITNESS_ANSWER_INVALID', 'no size', 'twenty\n', 20, 6],
    ['AUDIT.WITNESS_CONTRADICTED', 'a larger size than is published', '21\n', 20, 6],
    ['AUDIT.WITNESS_CONTRADICTED', 'the size that was said', '20\n', 20, 20],
    ['AUDIT.WITNESS_UNAVAILABLE', 'one size and then another for ever', '', 20, 6],
  ])('rejects with %s after 409 with %s', async (code, _what, body, size, known) => {
    let turn = 0;
    answer = () => ({ status: 409, body: body || `${(turn += 1)}\n` });
    await expect(anchored(size, known)).rejects.toMatchObject({ code });
  });

  it('takes a larger size for no contradiction where a larger tree is published meanwhile', async () => {
    answer = () => ({ status: 409, body: '21\n' });
    await expect(anchored(20, 6, 22)).rejects.toMatchObject({ code: 'AUDIT.WITNESS_REFUSED' });
  });

  it.each([
    ['nothing', () => ''],
    ['a line of another key alone', (body: string) => cosigned(body, cosigner('w.example/2', SEED, NOW)).body],
    ['a line that does not hold', () => signatureLine(signer, textAt(3))],
    ['a time to come', (body: string) => cosigned(body, cosigner('w.example/1', SEED, NOW + 1_000)).body],
    ['no signature line', () => 'thank you\n'],
  ])('rejects with AUDIT.WITNESS_ANSWER_INVALID after 200 with %s', async (_what, lines) => {
    answer = (body) => ({ status: 200, body: lines(body) });
    await expect(anchored(20)).rejects.toMatchObject({ code: 'AUDIT.WITNESS_ANSWER_INVALID' });
  });

  it('ignores lines of keys nobody knows', async () => {
    const stranger = cosigner('w.example/2', new Uint8Array(32).fill(9), NOW);
    answer = (body) => ({ status: 200, body: cosigned(body, stranger).body + cosigned(body).body });
    const { cosignature } = await anchored(20);
    expect(`${cosignature!.line}\n`).toBe(signatureLine(signer, textAt(20)));
  });

  it('gives up an answer that has no end', async () => {
    answer = () => ({ status: 200, body: 'x'.repeat(100_000) });
    await expect(anchored(20)).rejects.toMatchObject({ code: 'AUDIT.WITNESS_UNAVAILABLE' });
  });
});
