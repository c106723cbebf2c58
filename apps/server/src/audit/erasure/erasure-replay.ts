import { Injectable } from '@nestjs/common';
import { codeOf, hasCode } from '#libs/kernel';
import type { ObjectStore } from '#libs/object-store';
import { Log } from '#libs/telemetry';
import { ColdStores } from '../cold/cold-stores.js';
import { smallBytes } from '../cold/small-bytes.js';
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
}

const RECEIPT_BYTES = 64 * 1024;

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

  /** Of every ledger: one whose receipts neither the cold store nor its copy gives keeps no other from it. */
  async look(signal?: AbortSignal): Promise<Replayed> {
    const found: Replayed = { receipts: 0, invalid: [], again: [], failures: new Map() };
    for (const { _id: tenant } of await this.ledgers.all()) {
      const known = await this.erasures.carriedOut(tenant);
      for (const erasure of await this.resurrected(tenant, known)) found.again.push(erasure);
      try {
        for (const erasure of await this.unknown(tenant, known, found, signal)) found.again.push(erasure);
      } catch (error) {
        if (signal?.aborted) throw error;
        found.failures.set(tenant, error as Error);
      }
    }
    return found;
  }

  private async unknown(
    tenant: string,
    known: ReadonlyMap<string, string>,
    found: Replayed,
    signal: AbortSignal | undefined,
  ): Promise<Erasure[]> {
    const added: Erasure[] = [];
    const receipts = await this.receipts(tenant, known, signal);
    found.receipts += receipts.length;
    for (const { key, id, receipt } of receipts) {
      if (id !== undefined && known.has(id)) continue;
      const said = receipt && (await this.statements.said(RECEIPT_TYPE, tenant, receipt));
      const erasure = said && id !== undefined ? erasureIn(said, id, receipt.toString('utf8')) : undefined;
      if (erasure) added.push(await this.erasures.add(erasure));
      else found.invalid.push(key);
      // Whoever can write to the bucket can put anything there: it is told, and nobody is erased by it.
      if (!erasure) this.log.error('audit.erasure_receipt_invalid', { tenant_id: tenant, object_key: key });
    }
    return added;
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

  private async resurrected(tenant: string, known: ReadonlyMap<string, string>): Promise<Erasure[]> {
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
    const receipt = isRead ? await smallBytes(store, key, RECEIPT_BYTES, { signal }).catch(unlessDenied) : undefined;
    found.push({ key, id, receipt });
  }
  return found;
}

/** It is listed, and encrypted with a key that is not ours to use: nobody here put it. */
function unlessDenied(error: unknown): undefined {
  if (!hasCode(error, 'OBJECT_STORE.DENIED')) throw error;
  return undefined;
}
