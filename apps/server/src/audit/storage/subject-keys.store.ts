import { createHmac, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { uuidv7 } from '#libs/kernel';
import { isDuplicateKey, MongoStore } from '#libs/mongo';

interface SubjectKey {
  _id: string;
  tenant: string;
  /** The identifier as it is. */
  subject: string;
  /** 256 random bits; destroying them erases the person from every ledger entry, archive and older backup. */
  key: Uint8Array;
  /** HMAC-SHA-256(key, subject), hex. */
  pseudonym: string;
  created_at: Date;
}

const REMEMBERED = 10_000;
/** Pseudonyms in one question: all that were ever erased would not fit into a message. */
const AT_ONCE = 1_000;
/**
 * How long a process may go on naming a person by a key that another one destroyed, in milliseconds: whoever waits so
 * long after `destroy` knows that nothing is sealed under that pseudonym any more, but for what was being sealed then.
 */
export const REMEMBERED_MS = 100;

/** The keys that make persons pseudonyms, and the way back. Trusted: whoever reads here knows who is who. */
@Injectable()
export class SubjectKeys {
  private readonly keys: mongoose.mongo.Collection<SubjectKey>;
  /** Oldest first. */
  private readonly remembered = new Map<string, { pseudonym: string; readAt: number }>();

  constructor(store: MongoStore) {
    this.keys = store.collection<SubjectKey>('subject_keys');
  }

  /** The pseudonym of each subject, made when there is none. Of two that make one at once, both get the one kept. */
  async pseudonyms(tenant: string, subjects: Iterable<string>): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const subject of subjects) {
      found.set(subject, this.known(tenant, subject) ?? (await this.getOrMake(tenant, subject)));
    }
    return found;
  }

  /** What this person's entries are named by, and since when; undefined for someone without a key. */
  async find(tenant: string, subject: string): Promise<{ pseudonym: string; since: Date } | undefined> {
    const key = await this.keys.findOne({ tenant, subject }, { projection: { _id: 0, pseudonym: 1, created_at: 1 } });
    return key ? { pseudonym: key.pseudonym, since: key.created_at } : undefined;
  }

  /** Which of these pseudonyms have a key, and since when. */
  async existing(tenant: string, pseudonyms: Iterable<string>): Promise<Map<string, Date>> {
    const asked = [...pseudonyms];
    const found = new Map<string, Date>();
    const projection = { _id: 0, pseudonym: 1, created_at: 1 };
    for (let from = 0; from < asked.length; from += AT_ONCE) {
      const some = asked.slice(from, from + AT_ONCE);
      const keys = this.keys.find({ tenant, pseudonym: { $in: some } }, { projection });
      for await (const { pseudonym, created_at } of keys) found.set(pseudonym, created_at);
    }
    return found;
  }

  /**
   * Destroys the key, and with it the way back. Durable on return; false when there is none (any more). The person's next
   * event gets a new key. Other processes may know the pseudonym for REMEMBERED_MS more.
   */
  async destroy(tenant: string, pseudonym: string): Promise<boolean> {
    const { deletedCount } = await this.keys.deleteOne({ tenant, pseudonym });
    for (const [name, known] of this.remembered) if (known.pseudonym === pseudonym) this.remembered.delete(name);
    return deletedCount === 1;
  }

  /** Whose pseudonyms these are: where the key says so, and not only the document. One whose key was destroyed is none. */
  async subjects(tenant: string, pseudonyms: Iterable<string>): Promise<Map<string, string>> {
    const keys = await this.keys
      .find(
        { tenant, pseudonym: { $in: [...pseudonyms] } },
        {
          projection: { _id: 0, subject: 1, pseudonym: 1, key: 1 },
          promoteBuffers: true,
        },
      )
      .toArray();
    const known = keys.filter(({ key, subject, pseudonym }) => pseudonymOf(key, subject) === pseudonym);
    return new Map(known.map(({ pseudonym, subject }) => [pseudonym, subject]));
  }

  private async getOrMake(tenant: string, subject: string): Promise<string> {
    const readAt = performance.now();
    const pseudonym = (await this.stored(tenant, subject)) ?? (await this.made(tenant, subject));
    if (this.remembered.size >= REMEMBERED) this.remembered.delete(this.remembered.keys().next().value!);
    this.remembered.set(`${tenant}\n${subject}`, { pseudonym, readAt });
    return pseudonym;
  }

  private known(tenant: string, subject: string): string | undefined {
    const now = performance.now();
    for (const [name, { readAt }] of this.remembered) {
      if (now - readAt < REMEMBERED_MS) break;
      this.remembered.delete(name);
    }
    const known = this.remembered.get(`${tenant}\n${subject}`);
    // What was read slowly is older than what was put before it.
    return known && now - known.readAt < REMEMBERED_MS ? known.pseudonym : undefined;
  }

  private async stored(tenant: string, subject: string): Promise<string | undefined> {
    const key = await this.keys.findOne({ tenant, subject }, { projection: { _id: 0, pseudonym: 1 } });
    return key?.pseudonym;
  }

  private async made(tenant: string, subject: string): Promise<string> {
    const key = randomBytes(32);
    const pseudonym = pseudonymOf(key, subject);
    try {
      await this.keys.insertOne({ _id: uuidv7(), tenant, subject, key, pseudonym, created_at: new Date() });
      return pseudonym;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      const kept = await this.stored(tenant, subject);
      if (kept === undefined) throw error;
      return kept;
    }
  }
}

const pseudonymOf = (key: Uint8Array, subject: string): string =>
  createHmac('sha256', key).update(subject, 'utf8').digest('hex');
