// Ledgers that are appended to, signed and anchored in a bucket, step by step: what the fault matrix of anchors runs in
// its own process and, started as a program, in one that it kills:
//   node tests/compat/anchored-ledgers.mjs '{"dataDir", "uri", "anchorUrl", "bucketUrl", "tenant": …, "step": 0}'
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { AnchorTask } from '../../dist/apps/server/src/audit/anchors/anchor-task.js';
import { sampleDraft, startRoom } from '../../dist/apps/server/src/audit/audit-room.fixture.js';
import { CheckpointSigner } from '../../dist/apps/server/src/audit/checkpoints/checkpoint-signer.js';
import { RecordEvents, SealEvents } from '../../dist/apps/server/src/audit/index.js';
import { ListAnchors } from '../../dist/apps/server/src/audit/queries/list-anchors.query.js';
import { Checkpoints } from '../../dist/apps/server/src/audit/storage/checkpoints.store.js';
import { TileEntries } from '../../dist/apps/server/src/audit/tiers/tile-entries.js';
import { TILE_WIDTH } from '../../dist/libs/ledger/src/index.js';
import { openObjectStore } from '../../dist/libs/object-store/src/index.js';

const ANCHORED_WITHIN_MS = 60_000;
const credentials = {
  accessKeyId: process.env.AWS_ACCESS_KEY_ID,
  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
};

/** After each of them the ledger is anchored; together they make every kind of write there is. */
export const STEPS = [
  async (ledger) => {
    await ledger.grow(5);
    await ledger.plantCheckpoint();
  },
  async (ledger) => {
    await ledger.grow(TILE_WIDTH);
    await ledger.plantTile(0);
  },
  (ledger) => ledger.grow(TILE_WIDTH),
];

/** The audit room on a database that runs already, anchoring through `anchorUrl` every 600 ms at most. */
export const anchoringRoom = ({ dataDir, uri, anchorUrl }) =>
  startRoom({
    dataDir,
    uri,
    env: {
      AUDIT_ANCHOR_URL: anchorUrl,
      AUDIT_ANCHOR_ACCESS_KEY: credentials.accessKeyId,
      AUDIT_ANCHOR_SECRET_KEY: credentials.secretAccessKey,
      AUDIT_ANCHOR_RETAIN_DAYS: '1',
      AUDIT_ANCHOR_MINUTES: '0.01',
    },
  });

/** `bucketUrl`: the same bucket without a proxy before it. */
export const openBucket = (bucketUrl) => openObjectStore(bucketUrl, { credentials });

export class AnchoredLedger {
  constructor(room, bucket, tenant) {
    this.room = room;
    this.bucket = bucket;
    this.tenant = tenant;
    this.origin = `assay.test/ledger/${tenant}`;
  }

  /** Appends so many, and signs. */
  async grow(count) {
    const drafts = Array.from({ length: count }, (_, step) => sampleDraft(step, { scope: { tenant: this.tenant } }));
    const commands = this.room.module.get(CommandBus);
    await commands.execute(new RecordEvents(this.tenant, await commands.execute(new SealEvents(drafts))));
    const { state } = await this.room.module.get(CheckpointSigner).sign({ _id: this.tenant, origin: this.origin });
    if (state !== 'signed') throw new Error(`expected ${this.tenant} to be signed, found ${state}`);
  }

  /** As someone before us left it who locked nothing: the same bytes, for anybody to delete. */
  async plantTile(index) {
    const entries = this.room.module.get(TileEntries);
    const hashes = await entries.leafHashes(this.tenant, index * TILE_WIDTH, TILE_WIDTH);
    await this.bucket.put(`${this.origin}/tile/0/${String(index).padStart(3, '0')}`, Buffer.concat(hashes));
  }

  async plantCheckpoint() {
    const { size, note } = await this.room.module.get(Checkpoints).published(this.tenant);
    await this.bucket.put(`${this.origin}/checkpoints/${String(size).padStart(16, '0')}`, Buffer.from(note));
  }

  /** How the bucket is doing: its anchored size, and why the newest attempts failed. */
  async state() {
    const asked = new ListAnchors(this.tenant, { tenant: this.tenant, actor: { type: 'service', id: 'auditor' } });
    const { published_size, anchors } = await this.room.module.get(QueryBus).execute(asked);
    return { published: published_size, ...anchors[0] };
  }
}

/** Takes turns, as the task does, until all that is published is anchored. */
export async function anchored(room, ledgers) {
  const deadline = Date.now() + ANCHORED_WITHIN_MS;
  for (;;) {
    await room.module.get(AnchorTask).turn();
    const states = await Promise.all(ledgers.map((ledger) => ledger.state()));
    const behind = states.findIndex(({ size, published }) => size !== published);
    if (behind < 0) return;
    if (Date.now() > deadline) {
      throw new Error(`${ledgers[behind].tenant} is not anchored: ${JSON.stringify(states[behind])}`);
    }
    await sleep(20);
  }
}

if (import.meta.filename === process.argv[1]) {
  const { tenant, bucketUrl, step, ...place } = JSON.parse(process.argv[2]);
  const room = await anchoringRoom(place);
  const bucket = await openBucket(bucketUrl);
  const ledger = new AnchoredLedger(room, bucket, tenant);
  await STEPS[step](ledger);
  await anchored(room, [ledger]);
  bucket.close();
  await room.close();
}
