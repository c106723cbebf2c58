import { Injectable } from '@nestjs/common';
import { leafHash, preparedEntry, type LedgerEvent } from '#libs/ledger';
import type { SealedEvent } from '../audit.types.js';
import { preparedEvent, sameBytes, type PreparedEvent } from '../domain/entry.js';

const REMEMBERED = 16_384;

/**
 * Prepares events for their place. What this process sealed itself a moment ago is not parsed and canonicalised again
 * when it comes back with the same hash; everything else is, whoever kept it: a relay after a crash, another process.
 */
@Injectable()
export class PreparedEvents {
  private readonly sealed = new Map<string, Omit<PreparedEvent, 'id' | 'bytes'>>();

  /** `event` is what `sealed.bytes` are the canonical bytes of. */
  remember({ id, tenant, bytes }: SealedEvent, event: LedgerEvent): void {
    if (this.sealed.size >= REMEMBERED) this.sealed.delete(this.sealed.keys().next().value!);
    const { leafHash: leaf, columns } = preparedEntry(event, bytes);
    this.sealed.set(`${tenant}\n${id}`, { leafHash: leaf, columns });
  }

  /** Throws AUDIT.EVENT_INVALID. */
  prepared(tenant: string, event: Pick<SealedEvent, 'id' | 'bytes'>): PreparedEvent {
    const key = `${tenant}\n${event.id}`;
    const known = this.sealed.get(key);
    if (!known || !sameBytes(known.leafHash, leafHash(event.bytes))) return preparedEvent(tenant, event);
    this.sealed.delete(key);
    return { id: event.id, bytes: event.bytes, ...known };
  }
}
