import { CommandBus } from '@nestjs/cqrs';
import type { StoredEntry } from '#libs/ledger';
import { sampleDraft, type AuditRoom } from './audit-room.fixture.js';
import { CheckpointSigner } from './checkpoints/checkpoint-signer.js';
import { RecordEvents, SealEvents, type RecordedEvent } from './index.js';
import type { ArchiveBatch } from './domain/archive-batch.types.js';
import { ArchiveBatches } from './storage/archive-batches.store.js';
import type { ArchiveOutcome } from './archive/archive-outcome.types.js';
import { ArchiveRun } from './archive/archive-run.js';

const DAY_MS = 86_400_000;

/** So much later that everything of today is past the preset hot retention. */
export const in91Days = (): Date => new Date(Date.now() + 91 * DAY_MS);

/** One ledger of many in a room, so that each test can have its own without another start. */
export class LedgerInRoom {
  private step = 0;

  constructor(
    private readonly room: AuditRoom,
    readonly tenant: string,
  ) {}

  async record(count: number): Promise<RecordedEvent[]> {
    const commands = this.room.module.get(CommandBus);
    const recorded: RecordedEvent[] = [];
    while (recorded.length < count) {
      const drafts = Array.from({ length: Math.min(500, count - recorded.length) }, () =>
        sampleDraft(this.step++, { scope: { tenant: this.tenant } }),
      );
      const sealed = await commands.execute(new SealEvents(drafts));
      recorded.push(...(await commands.execute(new RecordEvents(this.tenant, sealed))));
    }
    return recorded;
  }

  async sign(): Promise<void> {
    const origin = `assay.test/ledger/${this.tenant}`;
    await this.room.module.get(CheckpointSigner).sign({ _id: this.tenant, origin });
  }

  async recordAndSign(count: number): Promise<void> {
    await this.record(count);
    await this.sign();
  }

  run(now = in91Days()): Promise<ArchiveOutcome> {
    return this.room.module.get(ArchiveRun).runOnce(this.tenant, now);
  }

  /** Hot entries in order. */
  hot(): Promise<StoredEntry[]> {
    const entries = this.room.store.collection<StoredEntry>('ledger_entries');
    return entries.find({ tenant: this.tenant }, { promoteBuffers: true }).sort({ seq: 1 }).toArray();
  }

  /** Oldest first. */
  async batches(): Promise<ArchiveBatch[]> {
    return (await this.room.module.get(ArchiveBatches).page(this.tenant, { limit: 1_000 })).reverse();
  }
}
