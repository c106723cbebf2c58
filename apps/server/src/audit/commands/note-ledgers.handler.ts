import { createHash } from 'node:crypto';
import { CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { EventDraft } from '../audit.types.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { hourlyId } from '../domain/coalesced.js';
import { SYSTEM } from '../domain/origin.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { Ledgers, type Ledger } from '../storage/ledgers.store.js';
import { NoteLedgers } from './note-ledgers.command.js';
import { RecordFact } from './record-fact.command.js';

const HOUR_MS = 3_600_000;

@CommandHandler(NoteLedgers)
export class NoteLedgersHandler implements ICommandHandler<NoteLedgers> {
  private notedHour = -1;
  private keyNoted = false;

  constructor(
    private readonly commands: CommandBus,
    private readonly ledgers: Ledgers,
    private readonly entries: LedgerEntries,
    private readonly checkpoints: Checkpoints,
    private readonly keys: AuditKeys,
  ) {}

  async execute(): Promise<void> {
    const now = Date.now();
    if (!this.keyNoted) await this.noteKey(now);
    this.keyNoted = true;
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

  private async noteKey(now: number): Promise<void> {
    const { origin } = await this.ledgers.ledger(SYSTEM);
    const { keyId, publicKey } = this.keys.verifierKeys(SYSTEM, origin)[0]!;
    const known = await this.entries.ofKind(SYSTEM, 'key.activated');
    if (known.some(({ data }) => data?.['key_id'] === keyId)) return;
    const data = { key_id: keyId, purpose: 'note', public_key_sha256: sha256(publicKey) };
    await this.recordHourly(now, 'key.activated', keyId, data);
  }

  private async recordHourly(now: number, kind: string, subject: string, data: EventDraft['data']): Promise<void> {
    const id = hourlyId(now, kind, subject);
    const draft = { id, kind, scope: { tenant: SYSTEM }, actor: { type: 'system', id: 'ledger' }, data } as const;
    await this.commands.execute(new RecordFact(draft, { once: true }));
  }
}

const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
