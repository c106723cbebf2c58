import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { uuidv7 } from '#libs/kernel';
import type { EventKind } from '#libs/ledger';
import { SERVICE } from '../../http/service.js';
import { Settings } from '../../settings.js';
import { PreparedEvents } from '../append/prepared-events.js';
import { AuditError } from '../audit.errors.js';
import type { EventDraft, SealedEvent } from '../audit.types.js';
import { assertFresh } from '../domain/event-age.js';
import { personsOf, sealedEvent, type DatedDraft } from '../domain/sealed-event.js';
import { KnownKinds } from '../events/known-kinds.js';
import { EventKeyUse } from '../keys/event-key-use.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { SubjectKeys } from '../storage/subject-keys.store.js';
import { SealEvents } from './seal-events.command.js';

@CommandHandler(SealEvents)
export class SealEventsHandler implements ICommandHandler<SealEvents> {
  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'env' | 'audit'>,
    private readonly kinds: KnownKinds,
    private readonly ledgers: Ledgers,
    private readonly subjects: SubjectKeys,
    @Inject(EventKeyUse) private readonly eventKeys: Pick<EventKeyUse, 'signerOf'>,
    private readonly prepared: PreparedEvents,
  ) {}

  async execute({ drafts, options }: SealEvents): Promise<SealedEvent[]> {
    const sealed: SealedEvent[] = [];
    for (const draft of drafts) sealed.push(await this.sealed(draft, options));
    return sealed;
  }

  private async sealed(given: EventDraft, { whileSuspended = false }: SealEvents['options']): Promise<SealedEvent> {
    const now = new Date();
    const draft = { ...given, id: given.id ?? uuidv7(now.getTime()), ts: given.ts ?? now.toISOString() };
    const { tenant } = draft.scope;
    assertFresh(draft.id, now.getTime(), this.settings.audit.hotRetentionDays);
    const kind = this.kindOf(draft);
    const persons = personsOf(draft, kind);
    if (!whileSuspended) await this.ledgers.assertOpen(tenant);
    const pseudonyms = await this.subjects.pseudonyms(tenant, persons);
    const meta = {
      service: SERVICE.name,
      version: SERVICE.version,
      env: this.settings.env,
      received_at: now.toISOString(),
    };
    const signer = await this.eventKeys.signerOf(tenant, draft.kind);
    const { sealed, event } = sealedEvent(draft, kind, meta, pseudonyms, signer);
    this.prepared.remember(sealed, event);
    return sealed;
  }

  private kindOf({ kind }: DatedDraft): EventKind {
    const known = this.kinds.get(kind);
    if (known) return known;
    throw new AuditError('AUDIT.KIND_UNKNOWN', `no room declares the kind ${kind}`);
  }
}
