import { subtreeRootsFrom } from '#libs/ledger';
import type { HashTiles, LeafTile, LedgerVerifier, SeqRange, StoredEntry, VerifierState } from '#libs/ledger';
import { ArchiveError } from '#libs/archive';
import { codeOf } from '#libs/kernel';
import { bothTiers } from '../storage/archived-piece.js';
import { linesFault } from './archive-fault.js';
import type { ArchiveReading } from './archive-reading.js';
import { documentsOf, pieceOf, isArchivedRight, type ArchivedSpan } from './archived-span.js';
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
  archive: ArchiveReading;
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
  private readonly threaded: boolean;
  /** What `ahead` is of, while that is the archive. */
  private span: ArchivedSpan | undefined;

  constructor(
    private readonly reader: LedgerReader,
    private readonly threads: SegmentThreads,
    private readonly reading: Reading,
  ) {
    const { tenant, place, resumed, part } = reading;
    this.next = resumed?.next ?? part?.from ?? 0;
    this.end = part?.end ?? place.end;
    // A thread is not worth its start for a short ledger.
    this.threaded = this.end - this.next > SEGMENT;
    // Checkpoints within the entries before a part could only be compared with its tiles.
    this.notesTo = resumed?.notes ?? (part ? part.from : -1);
    this.notes = reader.notes(tenant, this.notesTo, part ? (part.sealed ?? part.end) : place.size);
  }

  /** Rejects with the signal's reason when it is aborted, and with what the store or a thread rejects with. */
  async read(): Promise<void> {
    const { part, signal, progressed } = this.reading;
    const first = part?.from ?? 0;
    signal.throwIfAborted();
    try {
      if (part) await this.pass(0, part.from, part.hashes);
      while (this.next < this.end) {
        await this.step();
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
    await this.reading.archive.rest();
  }

  /** One segment, out of the tier that it is in now. */
  private async step(): Promise<void> {
    const span = await this.reading.archive.at(this.next);
    const limit = Math.min(span ? span.to + 1 : this.end, this.end);
    const to = Math.min(segmentEnd(this.next), limit);
    if (span?.entries) return this.archived(span, to);
    if (span && (await this.passLost(limit))) return;
    if (this.threaded && !this.isAnchored(to)) return this.segment(to);
    await this.oneByOne(to);
  }

  /** What cannot be read of the archive may be hot still; false where the next entry is. */
  private async passLost(limit: number): Promise<boolean> {
    const { tenant, archive } = this.reading;
    const to = Math.min((await this.reader.nextSeq(tenant, this.next)) ?? limit, limit);
    if (to <= this.next) return false;
    await this.notesUpTo(to);
    await archive.pass(this.next, to);
    this.next = to;
    return true;
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
    const { digest, empty } = await this.digested(this.next, to);
    if (empty) return this.oneByOne(await this.endOfGap(to));
    await this.take(digest);
    if (this.next < to) await this.oneByOne(to);
  }

  private async take(digest: DigestedSegment['digest']): Promise<void> {
    if (!digest) return;
    await this.notesUpTo(digest.to + 1);
    if (!this.reading.verifier.segment(digest)) return;
    this.next = digest.to + 1;
    await new Promise(setImmediate);
  }

  /** `span`: out of the archive, and not ahead of its end. */
  private digested(from: number, to: number, span?: ArchivedSpan): Promise<DigestedSegment> {
    const limit = Math.min(span ? span.to + 1 : this.end, this.end);
    const last = from + AHEAD * this.threads.count * SEGMENT;
    let [start, end] = [from, to];
    while (start < limit && start <= last) {
      if (!this.ahead.has(start)) this.ahead.set(start, this.asked(start, end, span));
      [start, end] = [end, Math.min(end + SEGMENT, limit)];
    }
    if (span && start === limit && limit < this.end) this.reading.archive.ahead(limit);
    const segment = this.ahead.get(from)!;
    // What was read ahead of a gap is not asked for any more.
    for (const start of this.ahead.keys()) if (start <= from) this.ahead.delete(start);
    return segment;
  }

  private asked(from: number, to: number, span: ArchivedSpan | undefined): Promise<DigestedSegment> {
    const { tenant, sizes, eventKeys } = this.reading;
    const within = sizes.filter((size) => size > from && size <= to);
    const archived = span && { archived: pieceOf(span, from, to) };
    const segment = this.threads.digest({ tenant, from, to, sizes: within, eventKeys, ...archived });
    segment.catch(() => undefined); // whoever waits for it is told
    return segment;
  }

  /** Where the segment begins in which the next document is, however long there is none. */
  private async endOfGap(from: number): Promise<number> {
    const seq = Math.min((await this.reader.nextSeq(this.reading.tenant, from)) ?? this.end, this.end);
    return seq === this.end ? seq : seq - (seq % SEGMENT);
  }

  /** Entries of an archived batch, whether or not hot storage has them too. */
  private async archived(span: ArchivedSpan, to: number): Promise<void> {
    const { tenant, verifier } = this.reading;
    if (this.span !== span) this.ahead.clear(); // what was asked of hot storage alone
    this.span = span;
    if (this.threaded && !this.isAnchored(to)) await this.take((await this.digested(this.next, to, span)).digest);
    if (this.next < to) await this.archivedOneByOne(span, to);
    if (this.next <= span.to && this.next < this.end) return;
    this.ahead.clear();
    this.span = undefined;
    for await (const document of this.reader.elsewhere(tenant, span.from, this.next)) verifier.entry(document);
  }

  /** Up to `to`, or to a line that is no event: then what is left of the batch cannot be read. */
  private async archivedOneByOne(span: ArchivedSpan, to: number): Promise<void> {
    const { tenant, verifier, archive } = this.reading;
    await this.notesUpTo(to);
    const tiles = await this.giveTiles(to);
    const hot = this.reader.claiming(tenant, this.next, to);
    const archived = this.counted(documentsOf(tenant, span, { from: this.next, to }));
    try {
      await this.give(
        bothTiers(archived, hot, (one, other) => isArchivedRight(verifier, span, { archived: one, hot: other, tiles })),
      );
      this.next = to;
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
      archive.spoil(span, linesFault(error.code, error.message));
    }
  }

  private *counted(entries: Iterable<StoredEntry>): Generator<StoredEntry, void> {
    for (const entry of entries) {
      yield entry;
      this.next = entry.seq + 1;
    }
  }

  /** Up to `to`, or to where entries are missing that by now are archived: those come next. */
  private async oneByOne(to: number): Promise<void> {
    const { tenant, archive } = this.reading;
    await this.notesUpTo(to);
    await this.giveTiles(to);
    let archivedFrom: number | undefined;
    const isArchived = async (seq: number): Promise<boolean> => {
      const span = (await archive.at(seq)) ?? (await archive.unrecorded(seq));
      if (span) archivedFrom = seq;
      return span !== undefined;
    };
    await this.give(this.reader.range(tenant, this.next, to, isArchived));
    this.next = archivedFrom ?? to;
  }

  private async giveTiles(to: number): Promise<LeafTile[]> {
    const { tenant, verifier } = this.reading;
    const given: LeafTile[] = [];
    for await (const stored of this.reader.leafTiles(tenant, this.next, to)) {
      const tile = leafTileOf(stored, to);
      if ('fault' in tile) verifier.tileFault(tile.fault);
      else given.push(tile);
    }
    if (this.isAnchored(to)) {
      for await (const tile of this.reading.anchored!.tiles(this.next, to)) given.push(tile);
    }
    for (const tile of given) verifier.leafTile(tile);
    return given;
  }

  private async give(documents: AsyncIterable<unknown>): Promise<void> {
    let read = 0;
    for await (const document of documents) {
      this.reading.verifier.entry(document);
      if (++read % STRIDE !== 0) continue;
      await new Promise(setImmediate);
      this.reading.signal.throwIfAborted();
    }
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

const segmentEnd = (seq: number): number => seq - (seq % SEGMENT) + SEGMENT;
