import { Injectable } from '@nestjs/common';
import { AuditError } from '../audit.errors.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { Ledgers, type Ledger } from '../storage/ledgers.store.js';
import { AuditKeys } from './audit-keys.js';
import { currentKey, type RingKey, type SigningPurpose } from './key-ring.js';
import { lastSizeOf } from './signing-ranges.js';

/** Which ledgers are signed with which key. */
@Injectable()
export class KeyUse {
  constructor(
    private readonly keys: AuditKeys,
    private readonly ledgers: Ledgers,
    private readonly checkpoints: Checkpoints,
  ) {}

  /** Open ledgers that are not signed with the newest key yet; of those that `tenant` names, or of all. */
  async waiting(purpose: 'note' | 'cosignature', tenant?: string): Promise<string[]> {
    const waiting: string[] = [];
    for (const { _id, state } of await this.ledgers.all()) {
      if (state !== 'open' || (tenant !== undefined && _id !== tenant)) continue;
      const ranges = await this.keys.storedRanges(_id);
      const wanted = currentKey(this.keys.keys, purpose, _id);
      if (ranges && ranges[purpose].at(-1)?.id !== wanted?.id) waiting.push(_id);
    }
    return waiting;
  }

  /** Throws AUDIT.KEY_IN_USE when the key is to sign what comes. */
  assertFollowed({ id, purpose, tenant }: RingKey): void {
    if (currentKey(this.keys.keys, purpose, tenant)?.id !== id) return;
    throw inUse(id, `it is the current ${purpose} key: rotate first`);
  }

  /** Throws AUDIT.KEY_IN_USE when some ledger may still have to be signed with it. */
  async assertUnused(key: RingKey): Promise<void> {
    this.assertFollowed(key);
    if (key.purpose === 'event') return;
    for (const ledger of await this.ledgers.all()) await this.assertLeft(key, key.purpose, ledger);
  }

  private async assertLeft(
    { id }: RingKey,
    purpose: Exclude<SigningPurpose, 'event'>,
    { _id, state }: Ledger,
  ): Promise<void> {
    const ranges = (await this.keys.storedRanges(_id))?.[purpose] ?? [];
    if (!ranges.some((range) => range.id === id)) return;
    const last = lastSizeOf(ranges, id);
    if (last === undefined) throw inUse(id, `the ledger of ${_id} (${state}) is signed with it still`);
    if ((await this.checkpoints.newestSize(_id)) >= last) return;
    throw inUse(id, `size ${last} of the ledger of ${_id} may have to be signed with it again`);
  }
}

const inUse = (id: string, why: string): AuditError => new AuditError('AUDIT.KEY_IN_USE', `the key ${id}: ${why}`);
