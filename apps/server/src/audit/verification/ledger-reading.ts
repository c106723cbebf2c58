import { subtreeRootsFrom } from '#libs/ledger';
import type { HashTiles, LeafTile, LedgerVerifier, SeqRange, VerifierState } from '#libs/ledger';
import { codeOf } from '#libs/kernel';
import { leafTileOf, upperTileFault } from '../domain/tile-fault.js';
import type { LedgerReader, ReadingPlace } from '../storage/ledger-reader.store.js';
import type { DigestedSegment } from '../storage/segment.worker.js';
import type { SegmentThreads } from './segment-threads.js';

/** Entries that a thread reads and digests at once: full tiles, a few megabytes. */
const SEGMENT = 4_096;
/** Entries between two breathers of the event loop, where they are read one by one. */
const STRIDE = 64;
/** Segments that threads work on ahead of the one that is waited for, for each thread. */
const AHEAD = 2;

/** Where a run can be taken up again by another process. Plain JSON. */
export interface ReadingState {
  /** Everything below this seq has been given to the verifier, */
  next: number;
  /** and every checkpoint of up to this size. */
  notes: number;
  verifier: VerifierState;
}

export interface LedgerPart {
  from: number;
  end: number;
  /** The size of the smallest checkpoint that covers it; undefined where none does. */
  sealed: number | undefined;
  hashes: HashTiles;
}

export interface Reading {
  tenant: string;
  place: ReadingPlace;
  /** Sizes of the roots that are not among the stored checkpoints: those of the mark and of anchors. */
  sizes: readonly number[];
  eventKeys: ReadonlyMap<string, Uint8Array>;
  verifier: LedgerVerifier;
  /** A part of the ledger: seqs from `from` to before `end`. Of the rest its tiles' `hashes` stand for the entries. */
  part?: LedgerPart | undefined;
  /** Leaf tiles of another trust domain, for the seqs in which more has to be told than whether something is wrong. */
  anchored?: { within: SeqRange; tiles: (from: number, to: number) => AsyncIterable<LeafTile> } | undefined;
  /** What `verifier` was resumed from. */
  resumed?: ReadingState | undefined;
  signal: AbortSignal;
  /** Called after each segment, and awaited. `state` is undefined where a run cannot be taken up. */
  progressed: (done: number, state: () => ReadingState | undefined) => Promise<void>;
}

/**
 * Streams a ledger, as it was at `place`, into a verifier. Threads read and digest it by segments, several ahead; the
 * verifier takes them in order, and what is not clean it gets one by one. Flat in memory, whatever the store holds.
 */
export class LedgerReading {
  private next: number;
  private readonly end: number;
  private notesTo: number;
  private readonly notes: AsyncIterator<{ size: number; note: unknown }>;
  private note: IteratorResult<{ size: number; note: unknown }> | undefined;
  private readonly ahead = new Map<number, Promise<DigestedSegment>>();

  constructor(
    private readonly reader: LedgerReader,
    private readonly threads: SegmentThreads,
    private readonly reading: Reading,
  ) {
    const { tenant, place, resumed, part } = reading;
    this.next = resumed?.next ?? part?.from ?? 0;
    this.end = part?.end ?? place.end;
    // Checkpoints within the entries before a part could only be compared with its tiles.
    this.notesTo = resumed?.notes ?? (part ? part.from : -1);
    this.notes = reader.notes(tenant, this.notesTo, part ? (part.sealed ?? part.end) : place.size);
  }

  /** Rejects with the signal's reason when it is aborted, and with what the store or a thread rejects with. */
  async read(): Promise<void> {
    const { part, signal, progressed } = this.reading;
    const first = part?.from ?? 0;
    // A thread is not worth its start for a short ledger.
    const threaded = this.end - this.next > SEGMENT;
    signal.throwIfAborted();
    try {
      if (part) await this.pass(0, part.from, part.hashes);
      while (this.next < this.end) {
        const to = Math.min(this.next - (this.next % SEGMENT) + SEGMENT, this.end);
        if (threaded && !this.isAnchored(to)) await this.segment(to);
        else await this.oneByOne(to);
        await progressed(this.next - first, () => this.state());
        signal.throwIfAborted();
      }
      await this.notesUpTo(Infinity);
      if (part) await this.pass(this.end, part.sealed ?? this.end, part.hashes);
      else await this.whatElseThereIs();
    } finally {
      await this.notes.return?.();
    }
  }

  /** Documents that claim no place in the ledger, and the tiles above the leaves. */
  private async whatElseThereIs(): Promise<void> {
    const { tenant, verifier } = this.reading;
    const hidden = this.reader.elsewhere(tenant, this.end, Number.MAX_SAFE_INTEGER);
    for await (const document of hidden) verifier.entry(document);
    for await (const document of this.reader.outside(tenant)) verifier.entry(document);
    for await (const { tile, below } of this.reader.upperTiles(tenant)) {
      const fault = upperTileFault(tile, below);
      if (fault) verifier.tileFault(fault);
    }
  }

  /** Entries that are not asked for: the signed root shows whether the tiles told the truth of them. */
  private async pass(from: number, to: number, hashes: HashTiles): Promise<void> {
    if (from >= to) return;
    const { verifier } = this.reading;
    try {
      verifier.outside({ from, to, nodes: await subtreeRootsFrom(hashes, { from, to, size: to }) });
    } catch (error) {
      const code = codeOf(error) ?? 'unknown';
      verifier.cannotRead(`the tiles of entries that were not asked for could not be read (${code})`);
    }
  }

  private state(): ReadingState | undefined {
    const verifier = this.reading.verifier.state();
    return verifier && { next: this.next, notes: this.notesTo, verifier };
  }

  private async segment(to: number): Promise<void> {
    const { digests, empty } = await this.digested(this.next, to);
    if (empty) return this.oneByOne(await this.endOfGap(to));
    for (const digest of digests) {
      await this.notesUpTo(digest.to + 1);
      if (!this.reading.verifier.segment(digest)) break;
      this.next = digest.to + 1;
      await new Promise(setImmediate);
    }
    if (this.next < to) await this.oneByOne(to);
  }

  private digested(from: number, to: number): Promise<DigestedSegment> {
    const { tenant, sizes, eventKeys } = this.reading;
    const last = from + AHEAD * this.threads.count * SEGMENT;
    for (let [start, end] = [from, to]; start < this.end && start <= last;) {
      if (!this.ahead.has(start)) {
        const within = sizes.filter((size) => size > start && size <= end);
        const segment = this.threads.digest({ tenant, from: start, to: end, sizes: within, eventKeys });
        segment.catch(() => undefined); // whoever waits for it is told
        this.ahead.set(start, segment);
      }
      [start, end] = [end, Math.min(end + SEGMENT, this.end)];
    }
    const segment = this.ahead.get(from)!;
    // What was read ahead of a gap is not asked for any more.
    for (const start of this.ahead.keys()) if (start <= from) this.ahead.delete(start);
    return segment;
  }

  /** Where the segment begins in which the next document is, however long there is none. */
  private async endOfGap(from: number): Promise<number> {
    const seq = Math.min((await this.reader.nextSeq(this.reading.tenant, from)) ?? this.end, this.end);
    return seq === this.end ? seq : seq - (seq % SEGMENT);
  }

  private async oneByOne(to: number): Promise<void> {
    const { tenant, verifier, signal } = this.reading;
    await this.notesUpTo(to);
    for await (const stored of this.reader.leafTiles(tenant, this.next, to)) {
      const tile = leafTileOf(stored, to);
      if ('fault' in tile) verifier.tileFault(tile.fault);
      else verifier.leafTile(tile);
    }
    if (this.isAnchored(to)) {
      for await (const tile of this.reading.anchored!.tiles(this.next, to)) verifier.leafTile(tile);
    }
    let read = 0;
    for await (const document of this.reader.range(tenant, this.next, to)) {
      verifier.entry(document);
      if (++read % STRIDE !== 0) continue;
      await new Promise(setImmediate);
      signal.throwIfAborted();
    }
    this.next = to;
  }

  private isAnchored(to: number): boolean {
    const within = this.reading.anchored?.within;
    return within !== undefined && within.from < to && within.to >= this.next;
  }

  private async notesUpTo(size: number): Promise<void> {
    for (;;) {
      this.note ??= await this.notes.next();
      if (this.note.done || this.note.value.size > size) return;
      this.reading.verifier.checkpoint(this.note.value.note);
      this.notesTo = this.note.value.size;
      this.note = undefined;
    }
  }
}
