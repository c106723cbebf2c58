import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { isDuplicateKey, MongoStore } from '#libs/mongo';
import { KEY_KINDS, type KeyStatement } from '../keys/key-facts.js';
import { eventOf, LedgerEntries } from './ledger-entries.store.js';

/** Of an archived entry; who acted is left in the archive. */
interface KeptStatement extends Omit<KeyStatement, 'id'> {
  /** `<tenant>:<event id>`. */
  _id: string;
  tenant: string;
  event_id: string;
}

/**
 * What a ledger says of its keys, hot or archived: so that it is not said again whenever a process starts. Trusted as
 * little as entries are: it decides only whether something is recorded once more.
 */
@Injectable()
export class KeyStatements {
  private readonly kept: mongoose.mongo.Collection<KeptStatement>;

  constructor(
    store: MongoStore,
    private readonly entries: LedgerEntries,
  ) {
    this.kept = store.collection<KeptStatement>('ledger_statements');
  }

  /** Before the entries `from` to `to` (inclusive) leave hot storage. Durable on return; may be repeated. */
  async keep(tenant: string, from: number, to: number): Promise<void> {
    const filter = { tenant, kind: { $in: [...KEY_KINDS] }, seq: { $gte: from, $lte: to } };
    const leaving = await this.entries.collection
      .find(filter, { projection: { _id: 0, bytes: 1 }, promoteBuffers: true })
      .toArray();
    const documents = leaving
      .flatMap(({ bytes }) => eventOf(bytes) ?? [])
      .map(({ id, kind: said, data }) => ({
        ...{ _id: `${tenant}:${id}`, tenant, event_id: id, kind: said },
        ...(data && { data }),
      }));
    if (documents.length === 0) return;
    await this.kept.insertMany(documents, { ordered: false }).catch((error: unknown) => {
      if (!isDuplicateKey(error)) throw error;
    });
  }

  /** What cannot be read is left out. */
  async ofKind(tenant: string, kind: (typeof KEY_KINDS)[number]): Promise<KeyStatement[]> {
    // Hot storage first: what leaves it in between is kept by then.
    const hot = await this.entries.ofKind(tenant, kind);
    const kept = await this.kept.find({ tenant, kind }, { projection: { _id: 0, tenant: 0 } }).toArray();
    return [...hot, ...kept.map(({ event_id: id, ...said }) => ({ id, ...said }))];
  }
}
