import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { base64Of } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { StoreSurvey, type Survey } from '../checkpoints/store-survey.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { assertOperator } from '../operator.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { GetLedger, type LedgerDetail } from './get-ledger.query.js';
import { ledgerSummary } from './ledger-summary.js';

@QueryHandler(GetLedger)
export class GetLedgerHandler implements IQueryHandler<GetLedger> {
  constructor(
    private readonly keys: AuditKeys,
    private readonly ledgers: Ledgers,
    private readonly entries: LedgerEntries,
    private readonly checkpoints: Checkpoints,
    private readonly stores: StoreSurvey,
  ) {}

  async execute({ tenant, requester }: GetLedger): Promise<LedgerDetail> {
    assertOperator(requester);
    const ledger = await this.ledgers.find(tenant);
    if (!ledger) throw new AuditError('AUDIT.LEDGER_NOT_FOUND', `there is no ledger of ${tenant}`);
    const head = await this.entries.head(tenant);
    const summary = ledgerSummary(ledger, head, await this.checkpoints.publishedSize(tenant));
    if (ledger.state === 'open') return summary;
    this.keys.assertSigns();
    return { ...summary, store: shown(await this.stores.of(ledger)) };
  }
}

const shown = ({ good, signedSize, whole, broken }: Survey): LedgerDetail['store'] => ({
  good: { size: good.size, root: base64Of(good.root) },
  signed_size: signedSize,
  follows_to: whole.size,
  broken: broken ?? null,
});
