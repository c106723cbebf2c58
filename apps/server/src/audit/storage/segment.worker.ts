import { parentPort, workerData } from 'node:worker_threads';
import mongoose from 'mongoose';
import { ArchiveError } from '#libs/archive';
import { segmentDigest, TILE_WIDTH } from '#libs/ledger';
import type { LeafTile, LedgerEvent, SegmentDigest, StoredEntry } from '#libs/ledger';
import { leafTileOf } from '../domain/tile-fault.js';
import type { StoredTile } from '../domain/tile.js';
import type { StoredCheckpoint } from './checkpoints.store.js';
import { bothTiers, piecesEntries, type ArchivedPiece } from './archived-piece.js';
import { documentsBetween, leafTilesBetween, type SeqsBetween } from './ledger-reader.store.js';

/** What a thread is started with: it reads over a connection of its own. */
export interface SegmentThreadStart {
  uri: string;
  database: string;
}

export interface SegmentTask extends SeqsBetween {
  /** Sizes of roots that are not in `ledger_checkpoints`: those of anchors and of the mark. */
  sizes: readonly number[];
  eventKeys: ReadonlyMap<string, Uint8Array>;
  /** Of a range that is archived: its entries. Hot storage is asked for them all the same. */
  archived?: ArchivedPiece;
}

export interface DigestedSegment {
  /** One after the other, from `from` on; short of `to` where something is not clean or there is nothing more. */
  digests: SegmentDigest[];
  /** No document claims a seq of it. */
  empty: boolean;
}

export type SegmentAnswer = DigestedSegment | { error: { name: string; message: string } };

/** Documents of about so many bytes are held at once, however large the events are. */
const PIECE_BYTES = 8 * 1024 * 1024;

const { uri, database } = workerData as SegmentThreadStart;
const client = new mongoose.mongo.MongoClient(uri, { maxPoolSize: 2, readConcern: { level: 'majority' } });
const collection = <T extends mongoose.mongo.Document>(name: string): mongoose.mongo.Collection<T> =>
  client.db(database).collection<T>(name);

parentPort!.on('message', (task: SegmentTask) => {
  void digested(task).then(
    (answer) => parentPort!.postMessage(answer satisfies SegmentAnswer),
    ({ name, message }: Error) => parentPort!.postMessage({ error: { name, message } } satisfies SegmentAnswer),
  );
});

async function digested(task: SegmentTask): Promise<DigestedSegment> {
  const sizes = [...task.sizes, ...(await checkpointSizes(task))];
  const tiles = await leafTiles(task);
  const pieces = new Pieces(task, sizes, tiles);
  let empty = true;
  let differ = false;
  try {
    for await (const document of documents(task, pieces.events, () => (differ = true))) {
      empty = false;
      if (differ || tiles === undefined || !pieces.take(document)) return { digests: pieces.digests, empty };
    }
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    return { digests: pieces.digests, empty: false }; // told when they are read one by one
  }
  pieces.cut();
  return { digests: pieces.digests, empty };
}

function documents(
  task: SegmentTask,
  events: WeakMap<object, LedgerEvent>,
  differs: () => boolean,
): AsyncIterable<object> {
  const hot = documentsBetween(collection<StoredEntry>('ledger_entries'), task);
  return task.archived ? bothTiers(piecesEntries(task.tenant, task.archived, events), hot, differs) : hot;
}

async function checkpointSizes({ tenant, from, to }: SegmentTask): Promise<number[]> {
  const found = await collection<StoredCheckpoint>('ledger_checkpoints')
    .find({ tenant, size: { $gt: from, $lte: to } }, { projection: { _id: 0, size: 1 } })
    .toArray();
  return found.map(({ size }) => size);
}

/** Undefined when one of them contradicts itself. */
async function leafTiles(task: SegmentTask): Promise<LeafTile[] | undefined> {
  const tiles: LeafTile[] = [];
  for await (const stored of leafTilesBetween(collection<StoredTile>('ledger_tiles'), task)) {
    const tile = leafTileOf(stored, task.to);
    if ('fault' in tile) return undefined; // told when they are read one by one
    tiles.push(tile);
  }
  return tiles;
}

/** Digests documents in runs that end where a tile does. */
class Pieces {
  readonly digests: SegmentDigest[] = [];
  /** Of the archived ones: they were parsed when they were made. */
  readonly events = new WeakMap<object, LedgerEvent>();
  private documents: unknown[] = [];
  private bytes = 0;
  private from: number;

  constructor(
    private readonly task: SegmentTask,
    private readonly sizes: readonly number[],
    private readonly tiles: readonly LeafTile[] | undefined,
  ) {
    this.from = task.from;
  }

  /** False when the documents are not clean. */
  take(document: object): boolean {
    this.documents.push(document);
    this.bytes += weightOf(document);
    if (this.bytes < PIECE_BYTES || (this.from + this.documents.length) % TILE_WIDTH !== 0) return true;
    return this.cut();
  }

  cut(): boolean {
    if (this.documents.length === 0) return true;
    const { from, sizes, events } = this;
    const { tenant, eventKeys } = this.task;
    const to = from + this.documents.length;
    const tiles = (this.tiles ?? []).filter((tile) => tile.from >= from && tile.from < to);
    const digest = segmentDigest(this.documents, { tenant, eventKeys, sizes, tiles, events });
    if (digest?.from !== from || digest.to !== to - 1) return false;
    this.digests.push(digest);
    this.documents = [];
    this.bytes = 0;
    this.from = to;
    return true;
  }
}

/** About what a document holds in memory; an entry has no field with fields of its own. */
function weightOf(document: object): number {
  let weight = 0;
  for (const value of Object.values(document) as unknown[]) {
    if (typeof value === 'string' || value instanceof Uint8Array) weight += value.length;
    else if (typeof value === 'object') weight += PIECE_BYTES;
  }
  return weight;
}
