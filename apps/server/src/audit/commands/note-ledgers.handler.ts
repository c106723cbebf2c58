import { createHash } from 'node:crypto';
import { CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { EventDraft } from '../audit.types.js';
import { hourlyId } from '../domain/coalesced.js';
import { SYSTEM } from '../domain/origin.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { Ledgers, type Ledger } from '../storage/ledgers.store.js';
import { NoteLedgers } from './note-ledgers.command.js';
import { RecordFact } from './record-fact.command.js';

const HOUR_MS = 3_600_000;

@CommandHandler(NoteLedgers)
export class NoteLedgersHandler implements ICommandHandler<NoteLedgers> {
  private notedHour = -1;

  constructor(
    private readonly commands: CommandBus,
    private readonly ledgers: Ledgers,
    private readonly checkpoints: Checkpoints,
  ) {}

  async execute(): Promise<void> {
    const now = Date.now();
    const hour = Math.floor(now / HOUR_MS);
    if (hour === this.notedHour) return;
    for (const ledger of await this.ledgers.all()) await this.note(ledger, now);
    // If the process dies here, the next one finds the hour's notes under the same ids and adds none.
    this.notedHour = hour;
  }

  private async note({ _id: ledger, origin }: Ledger, now: number): Promise<void> {
    const newest = await this.checkpoints.newest(ledger);
    if (!newest) return;
    const { size, root } = newest;
    const data = { ledger, size, root: Buffer.from(root).toString('hex'), origin_sha256: sha256(origin) };
    await this.recordHourly(now, 'ledger.noted', ledger, data);
  }

  private async recordHourly(now: number, kind: string, subject: string, data: EventDraft['data']): Promise<void> {
    const id = hourlyId(now, kind, subject);
    const draft = { id, kind, scope: { tenant: SYSTEM }, actor: { type: 'system', id: 'ledger' }, data } as const;
    await this.commands.execute(new RecordFact(draft, { once: true }));
  }
}

const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');
