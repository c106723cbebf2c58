import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { AnchorProgress } from '../anchors/anchor-progress.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { eventOf, LedgerEntries } from '../storage/ledger-entries.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { GetAuditHealth, type AuditHealth } from './get-audit-health.query.js';

@QueryHandler(GetAuditHealth)
export class GetAuditHealthHandler implements IQueryHandler<GetAuditHealth> {
  constructor(
    private readonly ledgers: Ledgers,
    private readonly entries: LedgerEntries,
    private readonly checkpoints: Checkpoints,
    private readonly anchors: AnchorProgress,
  ) {}

  async execute(): Promise<AuditHealth> {
    const ledgers = await this.ledgers.all();
    const ages: number[] = [];
    const lags: number[] = [];
    for (const ledger of ledgers) {
      const { _id } = ledger;
      const [oldest] = await this.entries.after(_id, await this.checkpoints.newestSize(_id), 1);
      const receivedAt = oldest && eventOf(oldest.bytes)?.meta.received_at;
      if (receivedAt !== undefined) ages.push(Math.max(0, Date.now() - Date.parse(receivedAt)));
      lags.push(...(await this.anchors.of(ledger)).map(({ lag_ms: lag }) => lag));
    }
    const suspended = ledgers.filter(({ state }) => state === 'suspended').map(({ _id }) => _id);
    return {
      suspended,
      checkpoint_age_ms: ages.length === 0 ? null : Math.max(...ages),
      anchor_age_ms: Math.max(0, ...lags) || null,
    };
  }
}
