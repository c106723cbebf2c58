import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { MongoStore } from '#libs/mongo';
import type { Head } from '../domain/entry.js';

/** Where a line stands; the turn is that of the first in it. */
export interface Line {
  tenant: string;
  /** Grows with each turn that ends. */
  turn: number;
  writers: readonly string[];
  /** Where the writer before left the ledger, when it ended its turn itself. */
  head: Head | undefined;
}

export type LineChange =
  | { tenant: string; joins: string }
  /** Gives up a place in line. */
  | { tenant: string; leaves: string }
  /** Ends this turn and no later one; whoever waits next goes on from `head`. */
  | { tenant: string; ends: string; turn: number; head: Head | undefined };

interface LineDocument {
  /** The tenant. */
  _id: string;
  turn: number;
  line: string[];
  head?: { seq: number; chain_hash: Uint8Array; turn: number } | null;
}

/**
 * The writers of each ledger that take turns, in line, the one whose turn it is first. Advice, never a lock: who
 * writes out of turn, or is taken for gone, costs others a conflict and nothing else.
 */
@Injectable()
export class AppendLines {
  private readonly collection: mongoose.mongo.Collection<LineDocument>;

  constructor(store: MongoStore) {
    this.collection = store.collection<LineDocument>('append_lines');
  }

  /** One command; the changes are made in this order, and making them again is no change. */
  async change(changes: readonly LineChange[]): Promise<void> {
    await this.collection.bulkWrite(changes.map(writeOf), { ordered: true });
  }

  async lines(tenants: readonly string[]): Promise<Line[]> {
    const found = await this.collection.find({ _id: { $in: [...tenants] } }, { promoteBuffers: true }).toArray();
    return found.map(lineOf);
  }
}

function writeOf(change: LineChange): mongoose.mongo.AnyBulkWriteOperation<LineDocument> {
  const { tenant } = change;
  if ('joins' in change) {
    const update = { $addToSet: { line: change.joins }, $setOnInsert: { turn: 0 } };
    return { updateOne: { filter: { _id: tenant }, update, upsert: true } };
  }
  if ('leaves' in change) return { updateOne: { filter: { _id: tenant }, update: { $pull: { line: change.leaves } } } };
  const { turn, head } = change;
  const left = head ? { seq: head.seq, chain_hash: head.chainHash, turn: turn + 1 } : null;
  const update = { $pull: { line: change.ends }, $set: { head: left }, $inc: { turn: 1 } };
  return { updateOne: { filter: { _id: tenant, turn }, update } };
}

function lineOf({ _id, turn, line, head }: LineDocument): Line {
  const left = head?.turn === turn ? { seq: head.seq, chainHash: head.chain_hash } : undefined;
  return { tenant: _id, turn, writers: line, head: left };
}
