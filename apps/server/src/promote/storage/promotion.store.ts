import { Injectable } from '@nestjs/common';
import { isDuplicateKey, MongoStore, outboxOf, outboxUpdate, type OutboxEvent, type OutboxFields } from '#libs/mongo';
import { promotionId } from '../domain/promotion.js';
import type { Promotion, Target, TargetName } from '../promote.types.js';

export const PROMOTIONS = 'promotions';

interface PromotionDocument extends Omit<Promotion, 'id'>, OutboxFields {
  _id: string;
}

const HIDDEN = { outbox: 0, outbox_due: 0, outbox_attempts: 0 } as const;

/** What is to be promoted and what was, each change one write with its events. */
@Injectable()
export class PromotionStore {
  constructor(private readonly store: MongoStore) {}

  async find(tenant: string, jobId: string): Promise<Promotion | null> {
    const found = await this.promotions().findOne({ _id: promotionId(jobId), tenant }, { projection: HIDDEN });
    if (!found) return null;
    const { _id, ...promotion } = found;
    return { id: _id, ...promotion };
  }

  /** Notes what is about to be put; targets that are there keep their state. Durable on return, with its events. */
  async begin({ id, ...promotion }: Promotion, events: readonly OutboxEvent[]): Promise<void> {
    try {
      await this.promotions().insertOne({ _id: id, ...promotion, ...outboxOf(events) });
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      await this.widen(id, promotion, events);
    }
  }

  /** Records the outcome of one target; false, with nothing changed, when another call's success came first. */
  async settle(
    { id, tenant }: Pick<Promotion, 'id' | 'tenant'>,
    name: TargetName,
    { error_name, ...target }: Target,
    events: readonly OutboxEvent[],
    at: Date,
  ): Promise<boolean> {
    const { $push, $set } = outboxUpdate(events);
    const { matchedCount } = await this.promotions().updateOne(
      { _id: id, tenant, [`targets.${name}.state`]: { $ne: 'success' } },
      {
        $set: { [`targets.${name}`]: { ...target, ...(error_name && { error_name }) }, updated_at: at, ...$set },
        $push,
      },
    );
    return matchedCount === 1;
  }

  /** Its targets go in one by one, for a state that is there stays; the events go with a write of their own. */
  private async widen(id: string, { targets, updated_at }: Omit<Promotion, 'id'>, events: readonly OutboxEvent[]) {
    for (const [name, target] of Object.entries(targets)) {
      const path = `targets.${name}`;
      await this.promotions().updateOne({ _id: id, [path]: { $exists: false } }, { $set: { [path]: target } });
    }
    // If the process dies here, nothing was put yet: the next call finds the target pending.
    const { $push, $set } = outboxUpdate(events);
    await this.promotions().updateOne({ _id: id }, { $set: { updated_at, ...$set }, $push });
  }

  private promotions() {
    return this.store.collection<PromotionDocument>(PROMOTIONS);
  }
}
