import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AuditError } from '../audit.errors.js';
import { emptyHead, type Head } from '../domain/entry.js';
import { AppendLines } from '../storage/append-lines.store.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { AppendTurns } from './append-turns.js';
import { LedgerAppender } from './ledger-appender.js';
import { TurnDesk } from './turn-desk.js';

/** The appenders of this process, one per ledger. */
@Injectable()
export class Appenders {
  private readonly appenders = new Map<string, LedgerAppender>();
  private readonly desk: TurnDesk;

  constructor(
    private readonly ledgers: Ledgers,
    private readonly entries: LedgerEntries,
    private readonly checkpoints: Checkpoints,
    private readonly batches: ArchiveBatches,
    lines: AppendLines,
  ) {
    this.desk = new TurnDesk(randomUUID(), lines);
  }

  of(tenant: string): LedgerAppender {
    const known = this.appenders.get(tenant);
    if (known) return known;
    const made = new LedgerAppender(tenant, {
      entries: this.entries,
      loadHead: () => this.head(tenant),
      assertOpen: () => this.ledgers.assertOpen(tenant),
      turns: new AppendTurns(tenant, this.desk),
    });
    this.appenders.set(tenant, made);
    return made;
  }

  /** Resolves when everything given so far is recorded or refused. */
  async idle(): Promise<void> {
    await Promise.all([...this.appenders.values()].map((appender) => appender.idle()));
    await this.desk.idle();
  }

  /** A store that lost what was signed would fork the ledger at the next append: refused instead. */
  private async head(tenant: string): Promise<Head> {
    const { origin } = await this.ledgers.ledger(tenant);
    const [head, signed, archived] = await Promise.all([
      this.entries.head(tenant),
      this.checkpoints.newestSize(tenant),
      this.batches.highestSeq(tenant),
    ]);
    const size = (head?.seq ?? -1) + 1;
    if (size < signed) throw rolledBack(tenant, size, `its newest checkpoint is over ${signed}`);
    if (archived !== null && size < archived + 1) {
      throw rolledBack(tenant, size, `seq ${archived} is archived`);
    }
    return head ?? emptyHead(origin);
  }
}

const rolledBack = (tenant: string, size: number, found: string): AuditError =>
  new AuditError('LEDGER.ROLLED_BACK', `the ledger of ${tenant} has ${size} entries, ${found}`);
