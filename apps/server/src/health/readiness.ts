import { Inject, Injectable } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { type HealthCheckAttempt, HealthIndicatorService } from '@nestjs/terminus';
import { hasCode } from '#libs/kernel';
import { MongoStore } from '#libs/mongo';
import type { ObjectStore } from '#libs/object-store';
import { GetAuditHealth } from '../audit/index.js';
import { OBJECT_STORE } from '../tokens.js';

/** A store that does not answer within this is as good as gone, in milliseconds. */
const TIMEOUT_MS = 2_000;
/** Probes come from many sides: the stores are asked once in this time, in milliseconds. */
const CACHE_MS = 1_000;
/** A ledger's newest entries should stand under a signed checkpoint long before this, in milliseconds. */
const STALE_CHECKPOINT_MS = 60_000;

/** What this process stands on, one check each. */
@Injectable()
export class Readiness {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly store: MongoStore,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly queries: QueryBus,
  ) {}

  checks(): HealthCheckAttempt[] {
    return [
      this.check('database', () => this.store.ping()),
      this.check('object_store', () => this.objectsAnswer()),
      this.check('ledger', () => this.ledgersOpen()),
    ];
  }

  /** Events that no retry could record or react to; someone has to look, and requests are served meanwhile. */
  async deadLetters(): Promise<number> {
    return this.store.collection('outbox_dead').countDocuments({});
  }

  private check(name: string, answers: () => Promise<void>): HealthCheckAttempt {
    return this.indicators.check(name).attempt(answers).withTimeout(TIMEOUT_MS).cacheFor(CACHE_MS);
  }

  /** Any answer about an object nobody has is an answer. */
  private async objectsAnswer(): Promise<void> {
    try {
      await this.objects.head('health/probe');
    } catch (error) {
      if (!hasCode(error, 'OBJECT_STORE.NOT_FOUND')) throw error;
    }
  }

  private async ledgersOpen(): Promise<void> {
    const { suspended, checkpoint_age_ms } = await this.queries.execute(new GetAuditHealth());
    if (suspended.length > 0) throw new Error('a ledger is suspended');
    if ((checkpoint_age_ms ?? 0) > STALE_CHECKPOINT_MS) throw new Error('entries wait for a checkpoint');
  }
}
