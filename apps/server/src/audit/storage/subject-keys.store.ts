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

/** The keys that make persons pseudonyms, and the way back. Trusted: whoever reads here knows who is who. */
@Injectable()
export class SubjectKeys {
  private readonly keys: mongoose.mongo.Collection<SubjectKey>;
  private readonly remembered = new Map<string, string>();

  constructor(store: MongoStore) {
    this.keys = store.collection<SubjectKey>('subject_keys');
  }

  /** The pseudonym of each subject, made when there is none. Of two that make one at once, both get the one kept. */
  async pseudonyms(tenant: string, subjects: Iterable<string>): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const subject of subjects) {
      found.set(subject, this.remembered.get(`${tenant}\n${subject}`) ?? (await this.getOrMake(tenant, subject)));
    }
    return found;
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
    const pseudonym = (await this.stored(tenant, subject)) ?? (await this.made(tenant, subject));
    if (this.remembered.size >= REMEMBERED) this.remembered.delete(this.remembered.keys().next().value!);
    this.remembered.set(`${tenant}\n${subject}`, pseudonym);
    return pseudonym;
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
