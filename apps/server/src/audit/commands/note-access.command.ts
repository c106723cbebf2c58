import { Command } from '@nestjs/cqrs';
import type { Actor, Refs } from '#libs/ledger';

/** What was looked at. `same` makes two accesses one: those of one credential, one `same` and one hour are one event. */
export interface Access {
  kind: 'audit.read' | 'audit.exported' | 'audit.verified' | 'archive.verified';
  data: Record<string, unknown>;
  refs?: Refs;
  same: string;
}

/** Records that the audit log was read, exported or verified, before the answer leaves. Never fails because a ledger is closed. */
export class NoteAccess extends Command<void> {
  constructor(
    readonly tenant: string,
    readonly actor: Actor,
    readonly credential: string,
    readonly access: Access,
  ) {
    super();
  }
}
