import { createHash } from 'node:crypto';
import { CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { hexOf } from '#libs/ledger';
import { NotedLedgers } from '../checkpoints/noted-ledgers.js';
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
    private readonly noted: NotedLedgers,
  ) {}

  async execute(): Promise<void> {
    const now = Date.now();
    const hour = Math.floor(now / HOUR_MS);
    if (hour === this.notedHour) return;
    // What the last hour noted and is not there any more would not be in this hour's notes.
    await this.noted.check();
    for (const ledger of await this.ledgers.all()) await this.note(ledger, now);
    // If the process dies here, the next one finds the hour's notes under the same ids and adds none.
    this.notedHour = hour;
  }

  private async note({ _id: ledger, origin }: Ledger, now: number): Promise<void> {
    const published = await this.checkpoints.published(ledger);
    if (published?.origin !== origin) return;
    const { size, root } = published;
    // Kept, so that a note can be compared with it for as long as there are notes.
    await this.checkpoints.keepFor(ledger, size, 'hourly');
    const data = { ledger, size, root: hexOf(root), origin_sha256: createHash('sha256').update(origin).digest('hex') };
    const id = hourlyId(now, 'ledger.noted', ledger);
    const actor = { type: 'system', id: 'ledger' } as const;
    const draft = { id, kind: 'ledger.noted', scope: { tenant: SYSTEM }, actor, data };
    await this.commands.execute(new RecordFact(draft, { once: true }));
  }
}
