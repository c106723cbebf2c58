import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { QueryBus } from '@nestjs/cqrs';
import {
  consistencyProof,
  formatAddCheckpoint,
  formatCheckpoint,
  noteSigner,
  parseVerifierKey,
  rootOf,
  signNote,
  verifierKeyText,
  verifyNote,
  type AddCheckpoint,
  type AnchorClaim,
} from '#libs/ledger';
import { openObjectStore } from '#libs/object-store';
import { Settings } from '../../settings.js';
import { startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import { signedNoteOf } from '../domain/stored-checkpoint.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { ListAnchors } from '../queries/list-anchors.query.js';
import { Anchors } from '../storage/anchors.store.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { AnchorReader } from './anchor-reader.js';
import { AnchorTask } from './anchor-task.js';
import { startWitness, type RunningWitness } from './witness-process.fixture.js';

const ORIGIN = `assay.test/ledger/${TENANT}`;

let folder: string;
let room: AuditRoom;
let witnesses: RunningWitness[];

/** A room with an anchor store and two witnesses, of which `quorum` says how many it takes. */
async function start(quorum: string): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'assay-anchors-'));
  const dataDir = join(folder, 'room');
  const policy = join(folder, 'policy');
  const vkeys = await keysMadeIn(dataDir);
  witnesses = await Promise.all([1, 2].map((n) => startWitness(join(folder, `w${n}`), `w.example/${n}`, vkeys)));
  const lines = witnesses.map(({ vkey, url }, n) => `witness w${n} ${vkey} ${url}\n`);
  await writeFile(policy, `${lines.join('')}group both ${quorum} w0 w1\nquorum both\n`);
  const anchors = { AUDIT_ANCHOR_URL: pathToFileURL(join(folder, 'anchors')).href, AUDIT_WITNESS_POLICY: policy };
  room = await startRoom({ dataDir, env: { ...anchors, AUDIT_ANCHOR_MINUTES: '0.01' } });
}

/** The verifier keys of a room that has never run. */
async function keysMadeIn(dataDir: string): Promise<string[]> {
  const settings = new Settings({ ASSAY_DATA_DIR: dataDir, ASSAY_ORIGIN: 'assay.test' });
  return (await AuditKeys.load(settings, { signs: true })).verifierKeys(TENANT, ORIGIN).map(verifierKeyText);
}

async function stop(): Promise<void> {
  await room.remove();
  await Promise.all(witnesses.map((witness) => witness.kill()));
  await rm(folder, { recursive: true, force: true });
}

const claims = async (): Promise<AnchorClaim[]> => {
  const found: AnchorClaim[] = [];
  for await (const claim of room.module.get(AnchorReader).claims(TENANT, ORIGIN)) found.push(claim);
  return found;
};
const states = () =>
  room.module
    .get(QueryBus)
    .execute(new ListAnchors(TENANT, { tenant: TENANT, actor: { type: 'service', id: 'auditor' } }));
const published = async () => (await room.module.get(Checkpoints).published(TENANT))!;
const leaves = async () => (await room.stored()).map(({ leaf_hash }) => Uint8Array.from(leaf_hash));

/** Takes turns until it holds; the test's own limit ends it. */
async function turnsUntil(holds: () => Promise<boolean>): Promise<void> {
  for (;;) {
    await room.module.get(AnchorTask).turn();
    if (await holds()) return;
    await sleep(20);
  }
}

const anchoredEverywhere = async (size: number): Promise<boolean> =>
  (await states()).anchors.every((anchor) => anchor.size === size);

const signedByUs = async (size: number, root: Uint8Array): Promise<string> => {
  const signer = await room.module.get(AuditKeys).noteSigner(TENANT, ORIGIN, size);
  return signNote(formatCheckpoint({ origin: ORIGIN, size, root }), signer);
};

const cosigned = async ({ url }: RunningWitness, request: AddCheckpoint): Promise<void> => {
  const answer = await fetch(`${url}/add-checkpoint`, { method: 'POST', body: formatAddCheckpoint(request) });
  expect(answer.status).toBe(200);
};

describe('anchors', () => {
  beforeAll(() => start('all'));
  afterAll(stop);

  it('has the newest checkpoint and its full tiles copied, and the checkpoint cosigned by every witness', async () => {
    await room.record(300);
    await room.sign();
    await turnsUntil(() => anchoredEverywhere(300));

    const checkpoint = await published();
    const keys = witnesses.map(({ vkey }) => parseVerifierKey(vkey));
    expect(verifyNote(signedNoteOf(checkpoint), keys).verified.map(({ key }) => key)).toEqual(keys);
    expect(checkpoint.keep).toContain('anchored');

    const root = rootOf(await leaves());
    const found = (await claims()).map(({ name, time, ...claim }) => ({
      ...claim,
      named: name !== '',
      timed: time! > 0,
    }));
    const claim = { size: 300, root, independent: true, named: true, timed: true };
    expect(found).toEqual(['object_store', 'witness', 'witness'].map((kind) => ({ kind, ...claim })));
    const tiles = [];
    for await (const tile of room.module.get(AnchorReader).leafTiles(ORIGIN)) tiles.push(tile);
    expect(tiles).toEqual([{ from: 0, hashes: (await leaves()).slice(0, 256) }]);
    expect(await states()).toMatchObject({ published_size: 300, witnessed_size: 300 });
  });

  it('goes on from there, and says how far each is behind', async () => {
    await room.record(300, 300);
    await room.sign();
    expect((await states()).anchors.map(({ lag_entries }) => lag_entries)).toEqual([300, 300, 300]);
    await turnsUntil(() => anchoredEverywhere(600));
    expect((await states()).anchors).toMatchObject(Array(3).fill({ lag_entries: 0, lag_ms: 0, failure: null }));
    expect((await room.module.get(AnchorReader).newest(TENANT, ORIGIN, 301))?.size).toBe(600);
    expect(await room.module.get(AnchorReader).newest(TENANT, ORIGIN, 601)).toBeUndefined();
  });

  it('anchors again what the database has forgotten: an equal copy and a cosigned size are success', async () => {
    await room.module.get(Anchors).collection.deleteMany({});
    await turnsUntil(() => anchoredEverywhere(600));
    expect(await claims()).toHaveLength(4); // the older cosignatures are lost, the older copy is not
  });

  it('believes none of the anchors that someone wrote into the database', async () => {
    const { collection } = room.module.get(Anchors);
    const before = await claims();
    for await (const { _id, size, ...anchor } of collection.find({ kind: 'witness' })) {
      const note = signNote(
        formatCheckpoint({ origin: ORIGIN, size: size + 1, root: new Uint8Array(32) }),
        noteSigner('me', new Uint8Array(32)),
      );
      await collection.insertOne({ ...anchor, _id: `${_id}+`, size: size + 1, note });
    }
    expect(await claims()).toEqual(before);
    await collection.deleteMany({ size: 601 });
  });

  it('keeps trying where a witness does not answer, and says why', async () => {
    await witnesses[1]!.kill();
    await room.record(1, 600);
    await room.sign();
    await turnsUntil(async () => (await states()).anchors[2]?.failure !== null);
    const { anchors, witnessed_size } = await states();
    expect(anchors[2]).toMatchObject({ size: 600, lag_entries: 1, failure: { code: 'audit_witness_unavailable' } });
    expect(witnessed_size).toBe(600);
    await turnsUntil(async () => (await states()).anchors[1]?.size === 601);
    const alone = (await claims()).filter(({ kind, size }) => kind === 'witness' && size === 601);
    expect(alone.map(({ independent }) => independent)).toEqual([false]);
  });

  it('raises an alarm, and goes on appending, where one witness of two says that it has seen more', async () => {
    const more = [...(await leaves()), ...Array.from({ length: 400 }, () => new Uint8Array(32))];
    const checkpoint = await signedByUs(more.length, rootOf(more));
    await cosigned(witnesses[0]!, { oldSize: 601, proof: consistencyProof(more, 601), checkpoint });
    await room.record(1, 601);
    await room.sign();
    await turnsUntil(async () => (await states()).anchors[1]?.failure?.code === 'audit_witness_contradicted');
    expect(room.lines.find((line) => line.includes('AUDIT.WITNESS_CONTRADICTED'))).toContain('"level":"error"');
    await room.record(1, 602);
  });

  it('anchors no tile that does not lead to the signed root', async () => {
    await room.record(297, 603);
    await room.sign();
    const tiles = room.store.collection('ledger_tiles');
    const tile = await tiles.findOne({ tenant: TENANT, level: 0, index: 2 }, { promoteBuffers: true });
    const hashes = Buffer.from(tile!['hashes'] as Uint8Array);
    await tiles.updateOne(
      { _id: tile!._id },
      { $set: { hashes: Buffer.concat([hashes.subarray(32), hashes.subarray(0, 32)]) } },
    );
    await turnsUntil(async () => (await states()).anchors[0]?.failure !== null);
    expect((await states()).anchors[0]).toMatchObject({ failure: { code: 'audit_proof_contradicted' } });
    const copies = await openObjectStore(pathToFileURL(join(folder, 'anchors')).href);
    await expect(copies.head(`${ORIGIN}/tile/0/002`)).rejects.toMatchObject({ code: 'OBJECT_STORE.NOT_FOUND' });
    await tiles.updateOne({ _id: tile!._id }, { $set: { hashes } });
    await turnsUntil(async () => (await states()).anchors[0]?.size === 900);
  });

  it('raises an alarm, and goes on appending, where something else lies in the anchor store', async () => {
    await writeFile(join(folder, 'anchors/objects', `${ORIGIN}/checkpoints/${'0'.repeat(13)}300@object`), 'nonsense');
    const copies = (await claims()).filter(({ kind }) => kind === 'object_store').map(({ size }) => size);
    expect(copies).toEqual(expect.arrayContaining([600, 601, 900]));
    expect(copies).not.toContain(300);
    expect(room.lines.join('')).toContain('AUDIT.ANCHOR_MISMATCH');
    await room.record(1, 900);
    await room.sign();
  });

  it('suspends the ledger where another tree of its size is anchored under its own signature', async () => {
    const { size } = await published();
    const copies = await openObjectStore(pathToFileURL(join(folder, 'anchors')).href);
    const note = await signedByUs(size + 1, new Uint8Array(32).fill(1));
    await copies.put(`${ORIGIN}/checkpoints/${String(size + 1).padStart(16, '0')}`, Buffer.from(note));
    await room.record(1, size);
    await room.sign();
    await turnsUntil(async () => (await room.module.get(Ledgers).find(TENANT))?.state === 'suspended');
    await expect(room.record(1, size + 1)).rejects.toMatchObject({ code: 'AUDIT.SUSPENDED' });
    expect(room.lines.join('')).toContain('audit.suspended');
  });
});

describe('a quorum of witnesses that have seen more of a ledger than there is', () => {
  beforeAll(() => start('any'));
  afterAll(stop);

  it('suspends it', async () => {
    await room.record(5);
    await room.sign();
    // What a database that was set back has forgotten.
    await cosigned(witnesses[0]!, {
      oldSize: 0,
      proof: [],
      checkpoint: await signedByUs(50, new Uint8Array(32).fill(1)),
    });
    await turnsUntil(async () => (await room.module.get(Ledgers).find(TENANT))?.state === 'suspended');
    expect((await states()).anchors[1]).toMatchObject({ failure: { code: 'audit_witness_contradicted' } });
  });
});

describe('the role ledger, when it stops', () => {
  it('anchors what was signed last, though it was not due', async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-anchors-'));
    const url = pathToFileURL(join(folder, 'anchors')).href;
    const env = { AUDIT_ANCHOR_URL: url, AUDIT_ANCHOR_MINUTES: '60' };
    room = await startRoom({ dataDir: join(folder, 'room'), roles: 'api,ledger', env });
    let last: number | undefined;
    try {
      await room.record(2);
      await turnsUntil(async () => (await states()).anchors[0]?.size !== null);
      last = (await room.record(3, 2)).at(-1)!.seq;
    } finally {
      await room.close();
    }
    const copies = await openObjectStore(url);
    const sizes: number[] = [];
    for await (const { key } of copies.list(`${ORIGIN}/checkpoints/`)) sizes.push(Number(key.slice(-16)));
    copies.close();
    await rm(folder, { recursive: true, force: true });
    expect(sizes.at(-1)).toBeGreaterThan(last);
    expect(sizes).toHaveLength(2);
  });
});
