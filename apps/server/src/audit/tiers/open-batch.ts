import { setImmediate as nextTurn } from 'node:timers/promises';
import { ArchiveError, linesOfBatch } from '#libs/archive';
import { chainHash, equalBytes, HASH_BYTES, hexOf, leafHash } from '#libs/ledger';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { hasHead, tsAt } from '../domain/line-head.js';
import { newestFirst, type Placed } from '../domain/newest-first.js';
import type { Sized } from './batch-cache.js';

/** An archived entry as it was appended. */
export interface ArchivedEntry extends Placed {
  bytes: Uint8Array;
  leaf_hash: Uint8Array;
  chain_hash: Uint8Array;
}

export interface WindowOfBatch {
  /** Inclusive. */
  since?: string | undefined;
  /** Exclusive. */
  until?: string | undefined;
  before?: Placed | undefined;
  limit: number;
}

/** Lines between two turns of the event loop: some ten milliseconds. */
const AT_ONCE = 4_096;

/** The range and the hashes that a batch's record gives. */
export type BatchPlace = Pick<
  ArchiveBatch,
  'startSeq' | 'endSeq' | 'eventCount' | 'previousChainHash' | 'endChainHash'
>;

/**
 * The entries of one batch, checked: their chain leads from the batch before to its own end. Holds the lines and some
 * 80 bytes an entry; entries are made when they are asked for.
 */
export class OpenBatch implements Sized {
  private byTime: Uint32Array | undefined;

  private constructor(
    private readonly startSeq: number,
    private readonly lines: Buffer,
    /** Where each line begins, and where one after the last would. */
    private readonly offsets: Uint32Array,
    /** Chain hash before each line, and after the last. */
    private readonly chain: Buffer,
  ) {}

  /** Rejects with ARCHIVE.LINE_FORM, LINE_COUNT or LINE_ORDER. Lets others run meanwhile. */
  static async of(place: BatchPlace, bytes: Uint8Array): Promise<OpenBatch> {
    const lines = linesOfBatch(bytes);
    if (lines.length !== place.eventCount || lines.length !== place.endSeq - place.startSeq + 1) {
      throw new ArchiveError('ARCHIVE.LINE_COUNT', `expected ${place.eventCount} lines, found ${lines.length}`);
    }
    const offsets = new Uint32Array(lines.length + 1);
    const chain = Buffer.allocUnsafe((lines.length + 1) * HASH_BYTES);
    let previous: Uint8Array = Buffer.from(place.previousChainHash, 'hex');
    chain.set(previous);
    for (const [i, line] of lines.entries()) {
      if (i % AT_ONCE === 0) await nextTurn();
      if (!hasHead(line)) throw new ArchiveError('ARCHIVE.LINE_FORM', `expected an event at seq ${place.startSeq + i}`);
      previous = chainHash(previous, leafHash(line));
      chain.set(previous, (i + 1) * HASH_BYTES);
      offsets[i + 1] = offsets[i]! + line.length + 1;
    }
    if (!equalBytes(previous, Buffer.from(place.endChainHash, 'hex'))) {
      throw new ArchiveError('ARCHIVE.LINE_ORDER', 'the chain of the lines ends elsewhere than that of the batch');
    }
    return new OpenBatch(place.startSeq, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), offsets, chain);
  }

  get count(): number {
    return this.offsets.length - 1;
  }

  get memory(): number {
    return this.lines.length + this.chain.length + 2 * this.offsets.byteLength;
  }

  /** Those of the batch among the seqs from `from` to before `to`, in order. */
  between(from: number, to: number): ArchivedEntry[] {
    const first = Math.max(from - this.startSeq, 0);
    const end = Math.min(to - this.startSeq, this.count);
    return Array.from({ length: Math.max(end - first, 0) }, (_, i) => this.entry(first + i));
  }

  /** The lines of these seqs of the batch, each with its newline: a copy that nobody else holds. */
  linesBetween(from: number, to: number): Uint8Array<ArrayBuffer> {
    const [start, end] = [this.offsets[from - this.startSeq], this.offsets[to - this.startSeq]];
    return new Uint8Array(this.lines.subarray(start, end));
  }

  /** Chain hash before an entry of the batch, hex. */
  chainBefore(seq: number): string {
    return hexOf(this.chainAt(seq - this.startSeq));
  }

  /** The event of this id, if it is in the batch. */
  find(id: string): ArchivedEntry | undefined {
    const head = Buffer.from(`{"id":"${id}",`);
    for (let at = this.lines.indexOf(head); at >= 0; at = this.lines.indexOf(head, at + 1)) {
      const i = this.firstWhere((line) => this.offsets[line]! >= at);
      if (this.offsets[i] === at) return this.entry(i);
    }
    return undefined;
  }

  /** Newest first by (ts, seq). */
  page({ since, until, before, limit }: WindowOfBatch): ArchivedEntry[] {
    const order = (this.byTime ??= this.ordered());
    const at = (rank: number): Placed => this.placed(order[rank]!);
    let rank = order.length;
    if (until !== undefined)
      rank = Math.min(
        rank,
        this.firstWhere((i) => at(i).ts >= until),
      );
    if (before !== undefined)
      rank = Math.min(
        rank,
        this.firstWhere((i) => newestFirst(at(i), before) <= 0),
      );
    const found: ArchivedEntry[] = [];
    while (--rank >= 0 && found.length < limit && (since === undefined || at(rank).ts >= since)) {
      found.push(this.entry(order[rank]!));
    }
    return found;
  }

  /** The least of 0 to count - 1 for which it holds, given that it holds for all after that; count if there is none. */
  private firstWhere(holds: (i: number) => boolean): number {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Lines by (ts, seq), oldest first. */
  private ordered(): Uint32Array {
    const times = Array.from({ length: this.count }, (_, i) => this.placed(i).ts);
    const order = Uint32Array.from(times.keys());
    if (times.every((ts, i) => i === 0 || times[i - 1]! <= ts)) return order;
    return order.sort((a, b) => (times[a]! < times[b]! ? -1 : times[a]! > times[b]! ? 1 : a - b));
  }

  private placed(i: number): Placed {
    return { ts: tsAt(this.lines, this.offsets[i]), seq: this.startSeq + i };
  }

  private entry(i: number): ArchivedEntry {
    const bytes = this.lines.subarray(this.offsets[i], this.offsets[i + 1]! - 1);
    return { ...this.placed(i), bytes, leaf_hash: leafHash(bytes), chain_hash: this.chainAt(i + 1) };
  }

  private chainAt(i: number): Uint8Array {
    return this.chain.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);
  }
}
