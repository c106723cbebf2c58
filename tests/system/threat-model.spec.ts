import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { QueryBus } from '@nestjs/cqrs';
import { rootOf, verifierKeyText, verifyConsistency } from '#libs/ledger';
import { AnchorTask } from '../../apps/server/src/audit/anchors/anchor-task.js';
import { startRoom, TENANT, type AuditRoom } from '../../apps/server/src/audit/audit-room.fixture.js';
import { ListAnchors } from '../../apps/server/src/audit/queries/list-anchors.query.js';
import { AuditKeys } from '../../apps/server/src/audit/keys/audit-keys.js';
import { Checkpoints } from '../../apps/server/src/audit/storage/checkpoints.store.js';
import { alteredBytes, ORIGIN, rewritten, type Entry } from './tamper.fixture.js';

/** Who has what is a row of docs/security/threat-model.md; a database administrator alone is tamper.spec.ts. */
const SIZE = 300;
const CHANGED = 100;
const ENOUGH = 500;

let folder: string;
let room: AuditRoom;

/** The name is that of the database too, where there is an external engine. */
const roomFolder = (): string => join(folder, basename(folder));

async function open(anchored: boolean): Promise<void> {
  const anchors = { AUDIT_ANCHOR_URL: pathToFileURL(join(folder, 'anchors')).href, AUDIT_ANCHOR_MINUTES: '0.01' };
  room = await startRoom({ dataDir: roomFolder(), env: anchored ? anchors : {} });
}

async function openSigned(anchored: boolean): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'assay-threat-'));
  await open(anchored);
  await room.record(SIZE);
  await room.sign();
  const { size } = (await room.module.get(Checkpoints).published(TENANT))!;
  for (let turn = 1; anchored && !(await isAnchored()); turn++) {
    if (turn > ENOUGH) throw new Error(`not anchored after ${ENOUGH} turns: ${room.lines.slice(-3).join('')}`);
    await room.module.get(AnchorTask).turn();
    await sleep(20);
  }
  expect(size).toBe(SIZE);
}

async function close(): Promise<void> {
  await room.remove();
  await rm(folder, { recursive: true, force: true });
}

/** The note key, as somebody outside wrote it down. */
function pinned(): string[] {
  return room.module.get(AuditKeys).verifierKeys(TENANT, ORIGIN).map(verifierKeyText);
}

const isAnchored = async (): Promise<boolean> => {
  const { anchors } = await room.module
    .get(QueryBus)
    .execute(new ListAnchors(TENANT, { tenant: TENANT, actor: { type: 'service', id: 'auditor' } }));
  return anchors.length > 0 && anchors.every(({ size }) => size === SIZE);
};

/** Files of the anchor store that hold a signed note. */
async function anchoredCheckpoints(): Promise<string[]> {
  const names = await readdir(join(folder, 'anchors'), { recursive: true }).catch(() => []);
  const files = names.map((name) => join(folder, 'anchors', name)).filter((name) => /checkpoint/.test(name));
  const texts = await Promise.all(files.map(async (name) => [name, await readFile(name, 'utf8').catch(() => '')]));
  return texts.filter(([, text]) => text!.includes('\n\n— ')).map(([name]) => name!);
}

/** With the database and the data folder: another history, its tiles and checkpoints forgotten, signed by the true keys. */
async function rewriteAndSign(anchored: boolean): Promise<Entry[]> {
  const originals = (await room.stored()) as Entry[];
  const events = [alteredBytes(originals[CHANGED]!), ...originals.slice(CHANGED + 1).map(({ bytes }) => bytes)];
  const lies = rewritten(originals, CHANGED, events);
  const { store } = room;
  await store.collection('ledger_entries').deleteMany({ tenant: TENANT, seq: { $gte: CHANGED } });
  await store.collection<Entry>('ledger_entries').insertMany(lies);
  for (const name of ['ledger_checkpoints', 'ledger_heads', 'ledger_tiles'])
    await store.collection(name).deleteMany({});
  await rm(join(roomFolder(), 'keys', 'high-water', TENANT), { recursive: true });
  await room.close();
  await open(anchored);
  const { state } = await room.sign();
  if (!anchored) expect(state).toBe('signed');
  return originals;
}

describe('whoever has the database and the keys', () => {
  afterEach(close);

  it('is believed where nobody else keeps anything: the known limit that anchors are for', async () => {
    await openSigned(false);
    await rewriteAndSign(false);
    expect(await room.verify()).toMatchObject({ tier: 'consistent', keys: 'unpinned', breaks: [] });
  });

  it('is found by the copies in a store that he cannot write, at the seq', async () => {
    await openSigned(true);
    await rewriteAndSign(true);
    const { tier, breaks } = await room.verify();
    expect(tier).toBe('broken');
    const proven = { class: 'edited', seq: CHANGED, located: 'seq', verdict: 'proven_tampering' };
    expect(breaks).toContainEqual(expect.objectContaining(proven));
  });

  it('is found by whoever kept an old checkpoint: the two trees have no consistency proof', async () => {
    await openSigned(false);
    const kept = (await room.module.get(Checkpoints).published(TENANT))!;
    const originals = await rewriteAndSign(false);
    const now = (await room.module.get(Checkpoints).published(TENANT))!;
    expect(kept.root).toEqual(Buffer.from(rootOf(originals.map(({ leaf_hash }) => Uint8Array.from(leaf_hash)))));
    const claim = { from: kept.size, to: now.size, fromRoot: kept.root, toRoot: now.root, proof: [] };
    expect(() => verifyConsistency(claim)).toThrow(expect.objectContaining({ code: 'LEDGER.ROOT_MISMATCH' }));
  });
});

describe('whoever has the anchor store and nothing else', () => {
  beforeEach(() => openSigned(true));
  afterEach(close);

  it('takes the tier down by deleting, and breaks nothing', async () => {
    expect(await room.verify(pinned())).toMatchObject({ tier: 'anchored', breaks: [] });
    await rm(join(folder, 'anchors'), { recursive: true });
    expect(await room.verify(pinned())).toMatchObject({ tier: 'consistent', breaks: [] });
  });

  it('makes no false alarm by altering a copy, and no false anchor either', async () => {
    for (const file of await anchoredCheckpoints()) {
      await writeFile(file, (await readFile(file, 'utf8')).replace(`\n${SIZE}\n`, `\n${SIZE - 1}\n`));
    }
    const { tier, breaks } = await room.verify(pinned());
    expect({ tier, proven: breaks.filter(({ verdict }) => verdict === 'proven_tampering') }).toEqual({
      tier: expect.not.stringMatching('anchored'),
      proven: [],
    });
  });
});
