import { Injectable } from '@nestjs/common';
import { codeOf, hasCode } from '#libs/kernel';
import type { ObjectStore, ObjectStoreErrorCode } from '#libs/object-store';
import { Log } from '#libs/telemetry';
import { ColdStores } from '../cold/cold-stores.js';
import { bytesUpTo } from '../cold/small-bytes.js';
import { Statements } from '../cold/statements.js';
import type { Erasure } from './erasure.types.js';
import { Erasures } from '../storage/erasures.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { SubjectKeys } from '../storage/subject-keys.store.js';
import { erasureIn, erasureOfKey, RECEIPT_TYPE, receiptPrefix } from './receipt.js';

/** What one look at the receipts found. */
export interface Replayed {
  /** In the cold store. */
  receipts: number;
  /** Lie where receipts lie and are none of ours. */
  invalid: string[];
  /** To be carried out: the database does not know them, or has the key again. */
  again: Erasure[];
  /** Why the receipts of a ledger could not be read, by tenant. */
  failures: Map<string, Error>;
}

interface FoundReceipt {
  key: string;
  /** The erasure that its key names. */
  id: string | undefined;
  receipt: Buffer | undefined;
  /** Why nobody can tell what it is. */
  fault: Error | undefined;
}

const RECEIPT_BYTES = 64 * 1024;
/** Asked of the next ledger, the store says the same. */
const OF_THE_STORE = ['OBJECT_STORE.UNAVAILABLE', 'OBJECT_STORE.TIMEOUT', 'OBJECT_STORE.BUCKET_NOT_FOUND'] as const;
/** No receipt of ours lies there. */
const OF_OTHERS = ['OBJECT_STORE.NOT_FOUND', 'OBJECT_STORE.CORRUPT'] as const;
/** A receipt of ours may lie there, or what others encrypted. */
const UNTOLD = ['OBJECT_STORE.DENIED', 'OBJECT_STORE.REFUSED'] as const;

/**
 * Finds what a restored backup forgot: erasures whose receipts the cold store has, and keys that were destroyed. Changes
 * the records alone; Erasing carries them out. Receipts are trusted by their signatures.
 */
@Injectable()
export class ErasureReplay {
  constructor(
    private readonly cold: ColdStores,
    private readonly statements: Statements,
    private readonly ledgers: Ledgers,
    private readonly erasures: Erasures,
    private readonly subjects: SubjectKeys,
    private readonly log: Log,
  ) {}

  /**
   * Of every ledger: one whose receipts neither the cold store nor its copy gives keeps no other from it. Keys that are
   * there again are found whatever the cold store does.
   */
  async look(signal?: AbortSignal): Promise<Replayed> {
    const found: Replayed = { receipts: 0, invalid: [], again: [], failures: new Map() };
    const tenants = (await this.ledgers.all()).map(({ _id }) => _id);
    for (const tenant of tenants) {
      for (const erasure of await this.resurrected(tenant)) found.again.push(erasure);
    }
    let down: Error | undefined;
    for (const tenant of tenants) {
      try {
        if (down) throw down;
        for (const erasure of await this.unknown(tenant, found, signal)) found.again.push(erasure);
      } catch (error) {
        if (signal?.aborted) throw error;
        found.failures.set(tenant, error as Error);
        if (isOne(OF_THE_STORE, error)) down = error as Error;
      }
    }
    return found;
  }

  private async unknown(tenant: string, found: Replayed, signal: AbortSignal | undefined): Promise<Erasure[]> {
    const known = await this.erasures.carriedOut(tenant);
    const added: Erasure[] = [];
    const receipts = await this.receipts(tenant, known, signal);
    found.receipts += receipts.length;
    for (const one of receipts) {
      if (one.id !== undefined && known.has(one.id)) continue;
      const erasure = (await this.erasureOf(tenant, one)) ?? (await this.inCopy(tenant, one, found, signal));
      if (erasure) added.push(await this.erasures.add(erasure));
      else found.invalid.push(one.key);
      // Whoever can write to the bucket can put anything there: it is told, and nobody is erased by it.
      if (!erasure) this.log.error('audit.erasure_receipt_invalid', { tenant_id: tenant, object_key: one.key });
    }
    return added;
  }

  private async erasureOf(tenant: string, { id, receipt }: FoundReceipt): Promise<Erasure | undefined> {
    if (id === undefined || !receipt) return undefined;
    const said = await this.statements.said(RECEIPT_TYPE, tenant, receipt);
    return said && erasureIn(said, id, receipt.toString('utf8'));
  }

  /** What the copy has in place of one that is none of ours. Where nobody can tell, the ledger is among the failures. */
  private async inCopy(
    tenant: string,
    { key, id, fault }: FoundReceipt,
    found: Replayed,
    signal: AbortSignal | undefined,
  ): Promise<Erasure | undefined> {
    // A copy that is down is told already.
    if (id === undefined || isOne(OF_THE_STORE, found.failures.get(tenant))) return undefined;
    let untold = fault;
    try {
      const copy = await this.cold.copy();
      const copied = copy && (await receiptAt(copy, key, id, signal));
      const erasure = copied && (await this.erasureOf(tenant, copied));
      if (erasure) return erasure;
      untold ??= copied?.fault;
    } catch (error) {
      if (signal?.aborted) throw error;
      untold = error as Error;
    }
    if (untold) found.failures.set(tenant, untold);
    return undefined;
  }

  /** From the copy when the primary does not answer. */
  private async receipts(
    tenant: string,
    known: ReadonlyMap<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<FoundReceipt[]> {
    try {
      return await receiptsIn(await this.cold.primary(), tenant, known, signal);
    } catch (error) {
      const copy = this.cold.copy();
      if (!copy || signal?.aborted) throw error;
      this.log.warn('audit.cold_failover', { tenant_id: tenant, error_code: codeOf(error) });
      return receiptsIn(await copy, tenant, known, signal);
    }
  }

  private async resurrected(tenant: string): Promise<Erasure[]> {
    const known = await this.erasures.carriedOut(tenant);
    const existing = await this.subjects.existing(tenant, known.values());
    const again: Erasure[] = [];
    for (const pseudonym of existing.keys()) {
      const erasure = await this.erasures.of(tenant, pseudonym);
      // One that is under way has its key still.
      if (erasure?.state !== 'done') continue;
      await this.erasures.again(erasure._id);
      const found = await this.erasures.find(tenant, erasure._id);
      if (found) again.push(found);
    }
    return again;
  }
}

/** Those that the database knows without their text. */
async function receiptsIn(
  store: ObjectStore,
  tenant: string,
  known: ReadonlyMap<string, string>,
  signal: AbortSignal | undefined,
): Promise<FoundReceipt[]> {
  const found: FoundReceipt[] = [];
  for await (const { key } of store.list(receiptPrefix(tenant), { signal })) {
    const id = erasureOfKey(key);
    const isRead = id !== undefined && !known.has(id);
    found.push(isRead ? await receiptAt(store, key, id, signal) : { key, id, receipt: undefined, fault: undefined });
  }
  return found;
}

/** Rejects when it is the store, and not this one object, that cannot be read. */
async function receiptAt(
  store: ObjectStore,
  key: string,
  id: string,
  signal: AbortSignal | undefined,
): Promise<FoundReceipt> {
  try {
    return { key, id, receipt: await bytesUpTo(store, key, RECEIPT_BYTES, { signal }), fault: undefined };
  } catch (error) {
    if (isOne(OF_OTHERS, error)) return { key, id, receipt: undefined, fault: undefined };
    if (isOne(UNTOLD, error)) return { key, id, receipt: undefined, fault: error as Error };
    throw error;
  }
}

const isOne = (codes: readonly ObjectStoreErrorCode[], error: unknown): boolean =>
  codes.some((code) => hasCode(error, code));
