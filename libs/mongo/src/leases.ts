import type mongoose from 'mongoose';
import { isDuplicateKey } from './duplicate-key.js';
import type { MongoStore } from './mongo.store.js';

/** A claim on a name that ends by itself. `token` only grows: a write that carries an older one is refused. */
export interface Lease {
  name: string;
  owner: string;
  /** Fencing token. */
  token: number;
  /** How long it lasts after each renewal, in milliseconds of the store's clock. */
  ms: number;
}

interface LeaseDocument {
  _id: string;
  owner: string | null;
  token: number;
  ms: number;
  renewed_at: Date;
}

/**
 * Leases by name. A lease saves work; it never guards correctness (a holder may be paused past its end), so whoever
 * writes under one still needs a unique index or the fencing token.
 */
export class Leases {
  private readonly leases: mongoose.mongo.Collection<LeaseDocument>;

  constructor(private readonly store: MongoStore) {
    this.leases = store.collection('leases');
  }

  /** The lease, or null while another owner's has not run out. The same owner gets it anew, with a new token. */
  async acquire(name: string, owner: string, ms: number): Promise<Lease | null> {
    const now = (await this.store.now()).getTime();
    const held = await this.leases.findOne({ _id: name });
    if (held?.owner && held.owner !== owner && held.renewed_at.getTime() + held.ms > now) return null;
    try {
      // Of two that saw it free, the token lets one through; of two that saw nothing, the _id does.
      const taken = await this.leases.findOneAndUpdate(
        held ? { _id: name, token: held.token } : { _id: name, token: { $exists: false } },
        { $set: { owner, ms }, $inc: { token: 1 }, $currentDate: { renewed_at: true } },
        { upsert: held === null, returnDocument: 'after' },
      );
      return taken ? { name, owner, token: taken.token, ms } : null;
    } catch (error) {
      if (isDuplicateKey(error)) return null;
      throw error;
    }
  }

  /** False when the lease was taken over: stop what it stood for. */
  async renew(lease: Lease): Promise<boolean> {
    const { matchedCount } = await this.leases.updateOne(
      { _id: lease.name, owner: lease.owner, token: lease.token },
      { $currentDate: { renewed_at: true } },
    );
    return matchedCount === 1;
  }

  /** Gives it back at once; no change when it was taken over. The token stays, so that it only grows. */
  async release(lease: Lease): Promise<void> {
    await this.leases.updateOne({ _id: lease.name, owner: lease.owner, token: lease.token }, { $set: { owner: null } });
  }
}
