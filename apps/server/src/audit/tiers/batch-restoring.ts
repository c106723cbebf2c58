import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { AuditError } from '../audit.errors.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { RestoredEntries } from '../storage/restored-entries.store.js';
import { ArchivedEntries } from './archived-entries.js';

/** Copies in one write. */
const AT_ONCE = 512;

/** Writes the copies of a restoration. */
@Injectable()
export class BatchRestoring {
  constructor(
    private readonly archived: ArchivedEntries,
    private readonly restored: RestoredEntries,
  ) {}

  /** All entries of the batch are copied and durable on return; those that are there already stay. */
  async copy(batch: ArchiveBatch, restoration: string): Promise<void> {
    let written = Promise.resolve();
    for await (const entries of this.archived.documents(batch, AT_ONCE)) {
      await written;
      written = this.restored.add(restoration, entries);
      written.catch(() => undefined); // told where it is waited for
      // If the process dies here, nobody uses what is there: the restoration is not complete.
      await nextTurn(); // they are sent, and the next ones are made while the store writes
    }
    await written;
    const found = await this.restored.count(restoration);
    if (found === batch.eventCount) return;
    throw new AuditError('AUDIT.OUTCOME_UNKNOWN', `expected ${batch.eventCount} restored entries, found ${found}`);
  }
}
