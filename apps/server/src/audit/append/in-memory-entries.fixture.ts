import type { Scheduler } from 'fast-check';
import { canonicalBytes, type LedgerEvent, type StoredEntry } from '#libs/ledger';
import { uuidv7 } from '#libs/kernel';
import { preparedEvent, type Head, type PreparedEvent } from '../domain/entry.js';
import type { InsertOutcome, LedgerEntries, StagedInsert } from '../storage/ledger-entries.store.js';

/** What may go wrong with one insert: the caller is told "unknown" each time. */
export type Fault = 'lost' | 'kept' | 'half kept' | 'kept late';

/**
 * A store with the two unique indexes and nothing else, one document at a time, that can fail on demand. Fails the
 * test itself when an entry would be overwritten. With a scheduler every step may be delayed and reordered.
 */
export class InMemoryEntries implements Pick<LedgerEntries, 'staged' | 'find' | 'head'> {
  /** One per insert to come; undefined: none. */
  faults: (Fault | undefined)[] = [];
  /** Sizes of the inserts so far. */
  readonly inserts: number[] = [];
  private readonly bySeq = new Map<number, StoredEntry>();
  private readonly seqs = new Map<string, number>();
  private late: Promise<unknown>[] = [];

  constructor(private readonly scheduler?: Scheduler) {}

  get size(): number {
    return this.bySeq.size;
  }

  inOrder(): StoredEntry[] {
    return [...this.bySeq.values()].sort((a, b) => a.seq - b.seq);
  }

  seqOf(id: string): number | undefined {
    return this.seqs.get(id);
  }

  async settled(): Promise<void> {
    await Promise.all(this.late);
  }

  staged(): StagedInsert {
    const entries: StoredEntry[] = [];
    return { add: (entry) => void entries.push(entry), insert: () => this.insert(entries) };
  }

  private async insert(entries: StoredEntry[]): Promise<InsertOutcome> {
    this.inserts.push(entries.length);
    const fault = this.faults.shift();
    if (fault === undefined) return this.insertNow(entries);
    await this.step('fault');
    if (fault === 'kept') await this.insertNow(entries);
    if (fault === 'half kept') await this.insertNow(entries.slice(0, Math.floor(entries.length / 2)));
    if (fault === 'kept late') this.late.push(this.step('late').then(() => this.insertNow(entries)));
    return { acknowledged: 0, duplicate: false, cause: new Error(`the write was ${fault}`) };
  }

  async find(_tenant: string, ids: readonly string[]): Promise<Map<string, { seq: number; bytes: Uint8Array }>> {
    await this.step('find');
    const seqs = ids.map((id) => [id, this.seqs.get(id)] as const);
    return new Map(seqs.flatMap(([id, seq]) => (seq === undefined ? [] : [[id, this.bySeq.get(seq)!]])));
  }

  async head(): Promise<Head | null> {
    await this.step('head');
    const newest = this.inOrder().at(-1);
    return newest ? { seq: newest.seq, chainHash: newest.chain_hash } : null;
  }

  private async insertNow(entries: StoredEntry[]): Promise<InsertOutcome> {
    for (const [index, entry] of entries.entries()) {
      await this.step('insert');
      if (this.bySeq.has(entry.seq) || this.seqs.has(entry.event_id)) {
        return { acknowledged: index, duplicate: true, cause: new Error('duplicate key') };
      }
      this.bySeq.set(entry.seq, entry);
      this.seqs.set(entry.event_id, entry.seq);
    }
    await this.step('acknowledged');
    return { acknowledged: entries.length, duplicate: false };
  }

  private async step(label: string): Promise<void> {
    await this.scheduler?.schedule(Promise.resolve(), label);
  }
}

/** Events of a tenant, ready to be appended. */
export function eventsOf(tenant: string, count: number, over: Partial<LedgerEvent> = {}): PreparedEvent[] {
  return Array.from({ length: count }, () => {
    const id = over.id ?? uuidv7();
    const bytes = canonicalBytes({
      id,
      ts: '2026-01-02T03:04:05.678Z',
      kind: 'job.created',
      scope: { tenant },
      actor: { type: 'service', id: 'tester' },
      refs: { job_id: 'job-1' },
      data: { platform: '720' },
      meta: { schema: 1, service: 'assay', version: '0.1.0', env: 'test', received_at: '2026-01-02T03:04:05.679Z' },
      ...over,
    });
    return preparedEvent(tenant, { id, bytes });
  });
}
