import { Injectable } from '@nestjs/common';
import type { AnchorState } from '../queries/list-anchors.query.js';
import { Anchors } from '../storage/anchors.store.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import type { Ledger } from '../storage/ledgers.store.js';
import { AnchorTargets } from './anchor-targets.js';

/** How far each configured place is behind what is published. */
@Injectable()
export class AnchorProgress {
  constructor(
    private readonly targets: AnchorTargets,
    private readonly anchors: Anchors,
    private readonly checkpoints: Checkpoints,
  ) {}

  async of(ledger: Pick<Ledger, '_id' | 'origin'>): Promise<AnchorState[]> {
    if (this.targets.all.length === 0) return [];
    const published = await this.checkpoints.publishedSize(ledger._id);
    return Promise.all(this.targets.all.map(({ kind, name }) => this.stateOf(ledger, { kind, name }, published)));
  }

  private async stateOf(
    { _id: tenant, origin }: Pick<Ledger, '_id' | 'origin'>,
    { kind, name }: Pick<AnchorState, 'kind' | 'name'>,
    published: number,
  ): Promise<AnchorState> {
    const place = { tenant, origin, kind, name };
    const [newest, failure] = await Promise.all([this.anchors.newest(place), this.anchors.failure(place)]);
    const size = newest?.size ?? 0;
    const waiting = published > size ? await this.checkpoints.newestAtLeast(tenant, size + 1) : null;
    return {
      kind,
      name,
      size: newest?.size ?? null,
      root: newest ? Buffer.from(newest.root).toString('hex') : null,
      time: newest ? new Date(newest.time * 1000).toISOString() : null,
      anchored_at: newest?.anchored_at.toISOString() ?? null,
      ...(newest?.version !== undefined && { version: newest.version }),
      ...(newest?.retain_until && { retain_until: newest.retain_until.toISOString() }),
      lag_entries: Math.max(0, published - size),
      lag_ms: waiting ? Math.max(0, Date.now() - waiting.signed_at.getTime()) : 0,
      failure: failure && {
        code: outward(failure.code),
        attempts: failure.attempts,
        since: failure.since.toISOString(),
      },
    };
  }
}

const outward = (code: string): string => code.toLowerCase().replaceAll('.', '_');
