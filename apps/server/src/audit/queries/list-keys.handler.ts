import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { verifierKeyText } from '#libs/ledger';
import { SYSTEM } from '../domain/origin.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { currentKey, type RingKey } from '../keys/key-ring.js';
import { assertOperator } from '../operator.js';
import { KeyUse } from '../keys/key-use.js';
import { lastSizeOf, type SigningRange } from '../keys/signing-ranges.js';
import { Ledgers, type Ledger } from '../storage/ledgers.store.js';
import { ListKeys, type KeyInLedger, type KeyList, type KeyView } from './list-keys.query.js';

@QueryHandler(ListKeys)
export class ListKeysHandler implements IQueryHandler<ListKeys> {
  constructor(
    private readonly keys: AuditKeys,
    private readonly use: KeyUse,
    private readonly ledgers: Ledgers,
  ) {}

  async execute({ requester }: ListKeys): Promise<KeyList> {
    assertOperator(requester);
    this.keys.assertSigns();
    const shown = await Promise.all([...new Set([requester.tenant, SYSTEM])].map((id) => this.ledgers.find(id)));
    const ledgers = shown.filter((ledger) => ledger !== null);
    const { current, all, fromSetting } = this.keys.macIds;
    const ring = await this.keys.archiveRing();
    return {
      keys: await Promise.all(this.keys.keys.map((key) => this.view(key, ledgers))),
      mac: { current, all, from: fromSetting ? 'setting' : 'file' },
      archive: ring?.current === undefined ? null : { current: ring.current, all: ring.ids },
      waiting: { note: await this.use.waiting('note'), cosignature: await this.use.waiting('cosignature') },
    };
  }

  private async view(key: RingKey, ledgers: readonly Ledger[]): Promise<KeyView> {
    const { id, purpose, tenant = null, public_key, created_at, retired_at = null, compromised = [] } = key;
    const isCurrent = currentKey(this.keys.keys, purpose, key.tenant)?.id === id;
    const state = retired_at === null ? (isCurrent ? 'current' : 'followed') : 'retired';
    const used = ledgers.filter(({ _id }) => tenant === null || tenant === _id);
    const inLedgers = await Promise.all(used.map((ledger) => this.inLedger(key, ledger)));
    return {
      ...{ id, purpose, tenant, state, public_key, created_at, retired_at, compromised },
      ledgers: inLedgers.filter((place) => place !== undefined),
    };
  }

  /** Undefined for a ledger that the key neither signed nor is to sign. */
  private async inLedger(key: RingKey, { _id, origin }: Ledger): Promise<KeyInLedger | undefined> {
    const named = { ledger: _id, key_id: this.keys.keyIdIn(key, origin) };
    if (key.purpose === 'event') return named;
    const ranges: readonly SigningRange[] = (await this.keys.storedRanges(_id))?.[key.purpose] ?? [];
    const from = ranges.find(({ id }) => id === key.id)?.from;
    if (from === undefined && currentKey(this.keys.keys, key.purpose, _id)?.id !== key.id) return undefined;
    const to = lastSizeOf(ranges, key.id);
    return {
      ...named,
      verifier_key: verifierKeyText(this.keys.verifierKeyOf(key, origin)),
      ...(from !== undefined && { from_size: from }),
      ...(to !== undefined && { to_size: to }),
    };
  }
}
