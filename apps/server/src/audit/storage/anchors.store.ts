import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { isDuplicateKey, MongoStore } from '#libs/mongo';
import type { StoredCosignature } from '../domain/stored-checkpoint.js';

export type AnchorKind = 'object_store' | 'witness' | 'rfc3161';

/** Where one incarnation of a ledger is anchored. */
export interface AnchorPlace {
  tenant: string;
  origin: string;
  kind: AnchorKind;
  /** Of the store, the witness's key or the authority. */
  name: string;
}

/** A checkpoint that is anchored, with what proves it. The note and the proof can be checked without this database. */
export interface StoredAnchor extends AnchorPlace {
  /** `<origin>:<kind>:<name>:<size in 16 digits>`. */
  _id: string;
  size: number;
  root: Uint8Array;
  /** What was anchored: the checkpoint's text with the log's own signature. */
  note: string;
  anchored_at: Date;
  /** When the other side says that it was there, in seconds since 1970. */
  time: number;
  /** Object store: the version's id and until when it cannot be removed, where the store has that. */
  version?: string;
  retain_until?: Date;
  /** Witness: as it is put under the checkpoint. */
  cosignature?: StoredCosignature;
  /** RFC 3161: the token, DER. */
  token?: Uint8Array;
}

/** Why the newest attempts at a place failed; gone when one succeeds. */
export interface AnchorFailure extends AnchorPlace {
  /** `<origin>:<kind>:<name>`. */
  _id: string;
  code: string;
  attempts: number;
  since: Date;
}

export type Evidence = Pick<StoredAnchor, 'time' | 'version' | 'retain_until' | 'cosignature' | 'token'>;

/** What is anchored where. */
@Injectable()
export class Anchors {
  readonly collection: mongoose.mongo.Collection<StoredAnchor>;
  private readonly failures: mongoose.mongo.Collection<AnchorFailure>;

  constructor(store: MongoStore) {
    this.collection = store.collection<StoredAnchor>('ledger_anchors');
    this.failures = store.collection<AnchorFailure>('ledger_anchor_failures');
  }

  /** Keeps the first of a place and size, and ends the place's failure. May be called twice. */
  async add(
    place: AnchorPlace,
    checkpoint: Pick<StoredAnchor, 'size' | 'root' | 'note'>,
    evidence: Evidence,
  ): Promise<void> {
    const { size, root, note } = checkpoint;
    const _id = `${placeId(place)}:${String(size).padStart(16, '0')}`;
    const anchor: StoredAnchor = { _id, ...place, size, root, note, anchored_at: new Date(), ...evidence };
    await this.collection.insertOne(anchor).catch((error: unknown) => {
      if (!isDuplicateKey(error)) throw error;
    });
    await this.failures.deleteOne({ _id: placeId(place) });
  }

  async newest({ tenant, origin, kind, name }: AnchorPlace): Promise<StoredAnchor | null> {
    return this.collection.findOne({ tenant, origin, kind, name }, { sort: { size: -1 }, promoteBuffers: true });
  }

  /** By size from the lowest, of one place. */
  async *between(place: AnchorPlace, from: number, to: number): AsyncGenerator<StoredAnchor> {
    const { tenant, origin, kind, name } = place;
    const range = { tenant, origin, kind, name, size: { $gte: from, $lte: to } };
    yield* this.collection.find(range, { promoteBuffers: true }).sort({ size: 1 });
  }

  async failed(place: AnchorPlace, code: string): Promise<void> {
    await this.failures.updateOne(
      { _id: placeId(place) },
      { $set: { ...place, code }, $inc: { attempts: 1 }, $setOnInsert: { since: new Date() } },
      { upsert: true },
    );
  }

  async failure(place: AnchorPlace): Promise<AnchorFailure | null> {
    return this.failures.findOne({ _id: placeId(place) });
  }
}

const placeId = ({ origin, kind, name }: AnchorPlace): string => `${origin}:${kind}:${name}`;
