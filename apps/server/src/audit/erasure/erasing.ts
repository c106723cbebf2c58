import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { hasCode, uuidv7 } from '#libs/kernel';
import { sha256Hex } from '#libs/archive';
import { ColdStores } from '../cold/cold-stores.js';
import { Statements } from '../cold/statements.js';
import { AuditError } from '../audit.errors.js';
import { refsOf, type EventDraft, type Requester, type SealedEvent } from '../audit.types.js';
import { RecordEvents } from '../commands/record-events.command.js';
import { SealEvents } from '../commands/seal-events.command.js';
import type { Erasure } from './erasure.types.js';
import { Holds } from '../holds/holds.js';
import { Erasures } from '../storage/erasures.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { REMEMBERED_MS, SubjectKeys } from '../storage/subject-keys.store.js';
import { receiptKey } from './receipt.js';

/**
 * Carries erasures out, from wherever the last process to work on one died. Every step may be done twice, and by two
 * processes at once (erasure.integration.spec.ts: a death at each; erasure-kill.spec.ts).
 */
@Injectable()
export class Erasing {
  constructor(
    private readonly erasures: Erasures,
    private readonly subjects: SubjectKeys,
    private readonly entries: LedgerEntries,
    private readonly holds: Holds,
    private readonly cold: ColdStores,
    private readonly statements: Statements,
    private readonly commands: CommandBus,
  ) {}

  /** To its end. Rejects as `destroy` and `record`. */
  async finish(erasure: Erasure): Promise<Erasure> {
    return this.record(await this.destroy(erasure));
  }

  /**
   * Up to the key's destruction; nothing is sealed under the pseudonym any more when this resolves. Rejects with
   * AUDIT.ERASURE_HELD, and forgets the erasure, when a hold came before the receipt; with AUDIT.RECEIPT_INVALID while
   * another object lies at its key, and with OBJECT_STORE codes when the cold store does not take it: the erasure goes
   * on later.
   */
  async destroy(erasure: Erasure): Promise<Erasure> {
    const { _id, tenant, pseudonym } = erasure;
    if (erasure.state === 'destroyed' || erasure.state === 'done') return erasure;
    if (erasure.state === 'intended') {
      if (!(await this.hasReceipt(erasure))) {
        await this.assertNotHeld(erasure);
        await this.statements.put(receiptKey(erasure), erasure.receipt, (cause) => otherThan(erasure, cause));
      }
      // If the process dies here, the receipt is found, and it is too late for a hold.
      if (!(await this.erasures.setState(_id, ['intended'], 'committed'))) {
        // Another process was at it, too: it is further, or met a hold and forgot it. The receipt stands.
        await this.erasures.add({ ...erasure, state: 'committed' });
      }
    }
    // If the process dies here, the next start goes on; so does one on a backup from before all this.
    await this.subjects.destroy(tenant, pseudonym);
    // If the process dies here, there is no key to destroy any more.
    await sleep(REMEMBERED_MS);
    await this.erasures.setState(_id, ['committed'], 'destroyed');
    return { ...erasure, state: 'destroyed' };
  }

  /** Says so in the ledger. Rejects with AUDIT.SUSPENDED or AUDIT.OUTCOME_UNKNOWN: the key is gone, the rest waits. */
  async record(erasure: Erasure): Promise<Erasure> {
    const { _id, tenant } = erasure;
    if (erasure.state === 'done') return erasure;
    const event = erasure.event ?? (await this.erasures.setEvent(_id, await this.sealed(erasure)));
    try {
      await this.commands.execute(new RecordEvents(tenant, [event]));
    } catch (error) {
      // It waited for longer than an event may: the next one is sealed anew.
      if (hasCode(error, 'AUDIT.EVENT_TOO_OLD')) await this.erasures.dropEvent(_id, event.id);
      throw error;
    }
    // If the process dies here, the same event is recorded again, and keeps its seq.
    const done_at = new Date();
    await this.erasures.setState(_id, ['destroyed'], 'done', { done_at });
    return { ...erasure, event, state: 'done', done_at };
  }

  /** The event to record at the end; by the ledger itself where nobody ordered it now. */
  async sealed(erasure: Omit<Erasure, 'event'>, requester?: Requester): Promise<SealedEvent> {
    const { _id, tenant, pseudonym, reason, case_id, receipt, replays } = erasure;
    const draft: EventDraft = {
      id: uuidv7(),
      kind: 'subject.erased',
      scope: { tenant },
      actor: requester?.actor ?? { type: 'system', id: 'erasure' },
      refs: { ...(case_id !== undefined && { case_id }), ...refsOf(requester) },
      data: {
        subject: pseudonym,
        reason,
        erasure: _id,
        receipt_sha256: sha256Hex(receipt),
        size: await this.sizeOf(tenant),
        replayed: replays > 0,
      },
    };
    const [sealed] = await this.commands.execute(new SealEvents([draft]));
    return sealed!;
  }

  /** Entries of the ledger now. */
  async sizeOf(tenant: string): Promise<number> {
    return ((await this.entries.head(tenant))?.seq ?? -1) + 1;
  }

  private async assertNotHeld({ _id, tenant, pseudonym }: Erasure): Promise<void> {
    const since = (await this.subjects.existing(tenant, [pseudonym])).get(pseudonym);
    const cases = since === undefined ? [] : await this.holds.onSubject(tenant, { pseudonym, since });
    if (cases.length === 0) return;
    await this.erasures.withdraw(_id);
    throw heldBy(cases);
  }

  private async hasReceipt(erasure: Erasure): Promise<boolean> {
    try {
      const { sha256 } = await (await this.cold.primary()).head(receiptKey(erasure));
      if (sha256 !== sha256Hex(erasure.receipt)) throw otherThan(erasure);
      return true;
    } catch (error) {
      if (hasCode(error, 'OBJECT_STORE.NOT_FOUND')) return false;
      throw hasCode(error, 'OBJECT_STORE.CORRUPT') ? otherThan(erasure, error) : error;
    }
  }
}

function otherThan({ _id }: Erasure, cause?: unknown): AuditError {
  const message = `expected the receipt of ${_id} in the cold store, found another object under its key`;
  return new AuditError('AUDIT.RECEIPT_INVALID', message, { cause });
}

/** The cases, each as a detail. */
export const heldBy = (cases: readonly string[]): AuditError =>
  new AuditError('AUDIT.ERASURE_HELD', `expected no legal hold on the person, found the cases ${cases.join(', ')}`, {
    details: cases.map((id) => ({ pointer: '/subject', code: 'legal_hold', detail: id })),
  });
