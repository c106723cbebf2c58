import { parentPort, workerData } from 'node:worker_threads';
import mongoose from 'mongoose';
import { ArchiveError } from '#libs/archive';
import { CleanSegment } from '#libs/ledger';
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
  /** From `from` on; short of `to` where there is nothing more, and undefined where something is not clean. */
  digest: SegmentDigest | undefined;
  /** No document claims a seq of it. */
  empty: boolean;
}

export type SegmentAnswer = DigestedSegment | { error: { name: string; message: string } };

/** What is wrong is told when the documents are read one by one. */
const NOT_CLEAN: DigestedSegment = { digest: undefined, empty: false };

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
  const { tenant, eventKeys } = task;
  const sizes = [...task.sizes, ...(await checkpointSizes(task))];
  const tiles = await leafTiles(task);
  const segment = new CleanSegment({ tenant, eventKeys, sizes, ...(tiles && { tiles }) });
  const made = new Map<object, LedgerEvent>();
  let isClean = tiles !== undefined;
  let empty = true;
  try {
    for await (const document of documents(task, made, () => (isClean = false))) {
      empty = false;
      if (!isClean || !segment.take(document, made.get(document))) return NOT_CLEAN;
      made.delete(document);
    }
  } catch (error) {
    if (error instanceof ArchiveError) return NOT_CLEAN;
    throw error;
  }
  const digest = segment.digest();
  return { digest: digest?.from === task.from ? digest : undefined, empty };
}

/** `made` is told the events of those that are made of archived lines. */
function documents(task: SegmentTask, made: Map<object, LedgerEvent>, differs: () => boolean): AsyncIterable<object> {
  const hot = documentsBetween(collection<StoredEntry>('ledger_entries'), task);
  return task.archived ? bothTiers(piecesEntries(task.tenant, task.archived, made), hot, differs) : hot;
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
    if ('fault' in tile) return undefined;
    tiles.push(tile);
  }
  return tiles;
}
