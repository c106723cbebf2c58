import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { sha256Hex } from '#libs/archive';
import { hasCode, uuidv7 } from '#libs/kernel';
import { AuditError } from '../audit.errors.js';
import type { EventDraft, SealedEvent } from '../audit.types.js';
import { RecordEvents } from '../commands/record-events.command.js';
import { SealEvents } from '../commands/seal-events.command.js';
import { Holds } from '../holds/holds.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { Retirements, type Retirement } from '../storage/retirements.store.js';
import { ColdStores, keyOf } from '../cold/cold-stores.js';
import { Statements } from '../cold/statements.js';
import { SignedManifests } from '../verification/signed-manifests.js';
import { TOMBSTONE_TYPE, tombstoneKey, tombstoneOf } from './tombstone.js';
import { Tombstones } from './tombstones.js';

/**
 * Retires one batch, from wherever the process before died. Leaf tiles stay: every proof of the rest needs them. What goes
 * is what a signed manifest names, under a signed tombstone: the database is held to both.
 */
@Injectable()
export class BatchRetiring {
  constructor(
    private readonly ledgers: Ledgers,
    private readonly batches: ArchiveBatches,
    private readonly retirements: Retirements,
    private readonly holds: Holds,
    private readonly cold: ColdStores,
    private readonly statements: Statements,
    private readonly tombstones: Tombstones,
    private readonly manifests: SignedManifests,
    private readonly commands: CommandBus,
  ) {}

  /** What the cold store, or its copy, keeps the objects by; undefined: nothing. */
  async lockOn(batch: ArchiveBatch): Promise<'hold' | 'lock' | undefined> {
    if (batch.retention.until && batch.retention.until.getTime() > Date.now()) return 'lock';
    const places = [
      { store: await this.cold.primary(), versions: batch.versionIds },
      { store: await this.cold.copy(), versions: batch.copy?.versionIds },
    ];
    for (const { store, versions } of places) {
      for (const part of ['jsonl', 'manifest'] as const) {
        const key = keyOf(batch, part);
        const found = await store?.head(key, { version: versions?.[part] }).catch(unlessGone);
        if (found?.legalHold) return 'hold';
        if (found?.retainUntil && found.retainUntil.getTime() > Date.now()) return 'lock';
      }
    }
    return undefined;
  }

  /**
   * Rejects with OBJECT_STORE codes, AUDIT.SUSPENDED, AUDIT.OUTCOME_UNKNOWN, AUDIT.ARCHIVE_ALTERED when the record is not
   * what the signed manifest says, or AUDIT.TOMBSTONE_INVALID when something else lies where the tombstone should, or was
   * begun with; called again it goes on.
   */
  async retire(batch: ArchiveBatch, { days, now }: { days: number; now: Date }): Promise<void> {
    const begun = (await this.retirements.find(batch._id)) ?? (await this.begun(batch, days, now));
    await this.assertTombstone(batch, begun.tombstone);
    await this.putTombstone(batch, begun.tombstone);
    // If the process dies here, the tombstone says what will be done, and nothing is: the next run goes on.
    if (batch.state !== 'retired' || !batch.going) await this.claim(batch);
    // If the process dies here or below, some of the objects are there still, and nobody reads them.
    await this.cold.remove(batch);
    await this.record(begun);
    // If the process dies here, the same event is recorded again, and keeps its seq.
    await this.retirements.done(batch._id);
  }

  /** A restored database may not know that it was begun: then the tombstone that is there counts. */
  private async begun(batch: ArchiveBatch, days: number, now: Date): Promise<Retirement> {
    const { _id, tenant, startSeq, endSeq } = batch;
    const found = await this.tombstones.of(batch);
    const tombstone = found?.text ?? (await this.signed(batch, days, now));
    const event = await this.sealed(batch, tombstone, found?.retentionDays ?? days);
    const state = 'begun';
    return this.retirements.add({ _id, tenant, startSeq, endSeq, tombstone, event, state, begun_at: now });
  }

  private async signed(batch: ArchiveBatch, days: number, now: Date): Promise<string> {
    const { bytes } = await this.cold.read(batch, 'manifest');
    const manifest = await this.manifests.of(batch, bytes);
    const { origin } = await this.ledgers.ledger(batch.tenant);
    const text = Buffer.from(bytes).toString('utf8');
    return this.statements.text(TOMBSTONE_TYPE, tombstoneOf(manifest, { batch: batch._id, origin, text, days, now }));
  }

  /** It is ours and of this batch, and the record says what the manifest in it says, the keys of what goes among it. */
  private async assertTombstone(batch: ArchiveBatch, text: string): Promise<void> {
    const tombstone = await this.tombstones.said(batch, Buffer.from(text));
    if (tombstone) return void (await this.manifests.of(batch, Buffer.from(tombstone.manifest)));
    throw new AuditError('AUDIT.TOMBSTONE_INVALID', `expected a signed tombstone of batch ${batch._id}, found none`);
  }

  private async sealed(batch: ArchiveBatch, tombstone: string, days: number): Promise<SealedEvent> {
    const draft: EventDraft = {
      id: uuidv7(),
      kind: 'archive.retired',
      scope: { tenant: batch.tenant },
      actor: { type: 'system', id: 'retention' },
      refs: { batch_id: batch._id },
      data: {
        start_seq: batch.startSeq,
        end_seq: batch.endSeq,
        manifest_sha256: batch.manifestSha256,
        tombstone_sha256: sha256Hex(tombstone),
        reason: 'retention',
        retention_days: days,
      },
    };
    const [sealed] = await this.commands.execute(new SealEvents([draft]));
    return sealed!;
  }

  private async putTombstone({ _id, manifestKey }: ArchiveBatch, tombstone: string): Promise<void> {
    const message = `expected the tombstone of batch ${_id} in the cold store, found another object in its place`;
    const occupied = (cause: unknown): AuditError => new AuditError('AUDIT.TOMBSTONE_INVALID', message, { cause });
    await this.statements.put(tombstoneKey(manifestKey), tombstone, occupied);
  }

  /**
   * Who places a hold and who retires both write before they look: a hold that is placed meanwhile is seen here, or finds
   * the batch retired. From here on a verification asks for the tombstone, and not for objects that go. Of two processes
   * that differ the first is right: its record says that the batch goes, or is kept.
   */
  private async claim(batch: ArchiveBatch): Promise<void> {
    await this.batches.setState(batch._id, ['done'], 'retired');
    // If the process dies here, nothing is gone, and the next run looks again.
    const cases = await this.holds.of(batch.tenant, batch);
    if (cases.length === 0 ? await this.batches.setGoing(batch._id) : await this.isGoing(batch)) return;
    const found = cases.join(', ') || 'that another process keeps it';
    throw new AuditError('AUDIT.BATCH_HELD', `expected no legal hold on batch ${batch._id}, found ${found}`);
  }

  /** Takes it back if it can; a hold that comes when it goes comes too late. */
  private async isGoing({ _id, tenant }: ArchiveBatch): Promise<boolean> {
    if (await this.batches.takeBack(_id)) return false;
    return (await this.batches.get(tenant, _id))?.going === true;
  }

  private async record({ tenant, event }: Retirement): Promise<void> {
    await this.commands.execute(new RecordEvents(tenant, [event])).catch((error: unknown) => {
      // It waited for longer than an event may; the tombstone says the same.
      if (!hasCode(error, 'AUDIT.EVENT_TOO_OLD')) throw error;
    });
  }
}

/** What is gone, a tombstone has to explain. */
function unlessGone(error: unknown): undefined {
  if (!hasCode(error, 'OBJECT_STORE.NOT_FOUND')) throw error;
  return undefined;
}
