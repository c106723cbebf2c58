import type { Scheduler } from 'fast-check';
import { entryId } from '#libs/ledger';
import { eventsOf } from '../append/in-memory-entries.fixture.js';
import { AuditError } from '../audit.errors.js';
import { chained, emptyHead, sameBytes, type Head } from '../domain/entry.js';
import { sameMark, type Mark, type SignedEntry } from '../domain/high-water-mark.js';
import type { StoredCheckpoint } from '../domain/stored-checkpoint.js';
import type { HighWater } from './high-water-files.js';
import type { SigningPorts } from './signing-turn.js';

export const TENANT = 'acme';
export const ORIGIN = 'assay.test/ledger/acme';

/** What may go wrong with one write: its caller is told that it failed each time. */
export type Fault = 'lost' | 'kept' | 'kept late';

/** What one signer meets: its process dies before its nth step, its nth write fails so. */
export interface Fate {
  diesAt?: number | undefined;
  faults: readonly (Fault | undefined)[];
}

interface Content {
  entries: SignedEntry[];
  checkpoints: Map<number, StoredCheckpoint>;
  published: number;
}

/**
 * A database and a folder of marks, one document and one file at a time, shared by any number of signers whose every
 * step a scheduler may delay and reorder. Remembers every tree that was ever signed.
 */
export class InMemorySigning {
  content: Content = { entries: [], checkpoints: new Map(), published: 0 };
  readonly marks = new Map<number, Mark>();
  readonly signed: Mark[] = [];
  /** Where the published head went back, by a signer's own doing. */
  readonly wentBack: [number, number][] = [];
  private readonly before = new Map<string, Uint8Array>();
  private late: Promise<unknown>[] = [];

  constructor(private readonly scheduler?: Scheduler) {}

  append(count: number): void {
    const head = this.head() ?? emptyHead(ORIGIN);
    let previous = head.chainHash;
    for (const entry of chained(TENANT, head, eventsOf(TENANT, count))) {
      this.before.set(hexOf(entry.chain_hash), previous);
      previous = entry.chain_hash;
      this.content.entries.push(entry);
    }
  }

  /** What a backup of now would hold. */
  copy(): Content {
    const { entries, checkpoints, published } = this.content;
    return { entries: [...entries], checkpoints: new Map(checkpoints), published };
  }

  /** Whether the tree of `a` is a prefix of that of `b`: by the chain, which binds every entry below. */
  isPrefix(a: Mark, b: Mark): boolean {
    let chain: Uint8Array | undefined = b.chainHash;
    for (let size = b.size; chain && size > a.size; size--) chain = this.before.get(hexOf(chain));
    return chain !== undefined && sameBytes(chain, a.chainHash);
  }

  async settled(): Promise<void> {
    await Promise.all(this.late);
  }

  /** A signer of its own: `step` runs before everything it does. */
  signer(fate: Fate = { faults: [] }): SigningPorts {
    let steps = 0;
    let writes = 0;
    const step = async (label: string): Promise<void> => {
      await this.scheduler?.schedule(Promise.resolve(), label);
      if (fate.diesAt !== undefined && steps++ >= fate.diesAt) throw new Error('the process died');
    };
    const read = async <T>(label: string, value: () => T): Promise<T> => {
      await step(label);
      return value();
    };
    const write = async <T>(label: string, work: () => T): Promise<T> => {
      await step(label);
      const fault = fate.faults[writes++];
      if (fault === undefined) return work();
      if (fault === 'kept') work();
      if (fault === 'kept late') this.late.push(this.later(work));
      throw new Error(`the write was ${fault}`);
    };
    return {
      head: () => read('head', () => this.head()),
      chainHashAt: (seq) => read('chain hash', () => this.content.entries[seq]?.chain_hash),
      entries: (seq, limit) => read('entries', () => this.content.entries.slice(seq, seq + limit)),
      entryFault: () => undefined,
      marks: this.marksThrough(read, write),
      newest: () =>
        read('newest', () => this.content.checkpoints.get(Math.max(...this.content.checkpoints.keys())) ?? null),
      publishedSize: () => read('published', () => this.content.published),
      sign: (mark) => read('sign', () => this.sign(mark)),
      persist: (checkpoint) => write('persist', () => this.persist(checkpoint)),
      cover: () => write('cover', () => undefined),
      publish: (size) => write('publish', () => this.publish(size)),
    };
  }

  private marksThrough(
    read: <T>(label: string, value: () => T) => Promise<T>,
    write: <T>(label: string, work: () => T) => Promise<T>,
  ): HighWater {
    const sizes = async (): Promise<number[]> => read('list marks', () => [...this.marks.keys()].sort((a, b) => a - b));
    return {
      newest: async () => {
        for (;;) {
          const marks: (Mark | undefined)[] = [];
          for (const size of await sizes()) marks.push(await read('read mark', () => this.marks.get(size)));
          if (marks.every((mark) => mark !== undefined))
            return marks.length > 0 ? { incarnation: 1, marks } : undefined;
        }
      },
      put: async (_incarnation, mark, base) => {
        await write('put mark', () => {
          const there = this.marks.get(mark.size);
          if (there && !sameMark(there, mark)) throw new AuditError('AUDIT.CONTRADICTED', 'another tree was marked');
          this.marks.set(mark.size, mark);
        });
        const others: Mark[] = [];
        for (const size of await sizes()) {
          if (size <= base || size === mark.size) continue;
          const other = await read('read mark', () => this.marks.get(size));
          if (other) others.push(other);
        }
        return others;
      },
      forget: (_incarnation, forgotten) =>
        write('forget marks', () => forgotten.forEach((size) => this.marks.delete(size))),
    };
  }

  private head(): Head | null {
    const newest = this.content.entries.at(-1);
    return newest ? { seq: newest.seq, chainHash: newest.chain_hash } : null;
  }

  private sign(mark: Mark): StoredCheckpoint {
    this.signed.push(mark);
    const { origin, size, root } = mark;
    const of = { _id: entryId(TENANT, size), tenant: TENANT, origin, size, root, note: '', mac: root, mac_key_id: '' };
    return { ...of, cosignatures: [], cosigned: 0, keep: [], signed_at: new Date(0) };
  }

  private persist(checkpoint: StoredCheckpoint): Uint8Array | undefined {
    const kept = this.content.checkpoints.get(checkpoint.size);
    if (!kept) this.content.checkpoints.set(checkpoint.size, checkpoint);
    return kept && !sameBytes(kept.root, checkpoint.root) ? kept.root : undefined;
  }

  private publish(size: number): boolean {
    const { published } = this.content;
    if (size > published) this.content.published = size;
    if (this.content.published < published) this.wentBack.push([published, size]);
    return true;
  }

  private async later(work: () => unknown): Promise<void> {
    await this.scheduler?.schedule(Promise.resolve(), 'late');
    try {
      work();
    } catch {
      // Whoever ordered it is gone.
    }
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
