import { MongoError } from './mongo.errors.js';
import type { MongoStore } from './mongo.store.js';

/** One index to have. */
export interface IndexPlan {
  name: string;
  key: Record<string, 1 | -1>;
  unique?: boolean;
  partialFilterExpression?: Record<string, unknown>;
}

/** One version of a collection's indexes. A step never changes once it has run anywhere; a later one follows it. */
export interface IndexStep {
  /** Unique and stable, `<collection>/<n>`. */
  id: string;
  collection: string;
  create: IndexPlan[];
}

/**
 * Brings the indexes up to date; called before the server listens. Safe to run in several processes at once and
 * again after a crash: creating an index that is there is no change, and a step is noted only when it is complete.
 *
 * Rejects with MONGO.INDEX_STEP_FAILED naming the step, for instance when stored documents break a unique index.
 */
export async function applyIndexSteps(store: MongoStore, steps: readonly IndexStep[]): Promise<void> {
  const applied = store.collection<{ _id: string }>('index_steps');
  const known = new Set((await applied.find().toArray()).map((step) => step._id));
  for (const step of steps) {
    if (known.has(step.id)) continue;
    try {
      await store.collection(step.collection).createIndexes(step.create);
      // If the process dies here, the step runs again and changes nothing.
      await applied.updateOne({ _id: step.id }, { $currentDate: { applied_at: true } }, { upsert: true });
    } catch (cause) {
      throw new MongoError('MONGO.INDEX_STEP_FAILED', `index step ${step.id} could not be applied`, { cause });
    }
  }
}
