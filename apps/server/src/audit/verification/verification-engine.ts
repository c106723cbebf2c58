import { Injectable } from '@nestjs/common';
import { MAX_BATCH_ENTRIES } from '#libs/archive';
import { base64Of, LedgerError, LedgerVerifier, parseVerifierKey } from '#libs/ledger';
import type { AnchorClaim, LeafTile, SeqRange, VerificationReport, VerifierKey, VerifierOptions } from '#libs/ledger';
import { codeOf } from '#libs/kernel';
import { AnchorReader } from '../anchors/anchor-reader.js';
import { AuditError } from '../audit.errors.js';
import { CheckpointSigner } from '../checkpoints/checkpoint-signer.js';
import { PublicKeys } from '../keys/public-keys.js';
import { LedgerReader, type ReadingPlace } from '../storage/ledger-reader.store.js';
import { Ledgers, originsOf } from '../storage/ledgers.store.js';
import { LedgerHashTiles } from '../tiles/ledger-hash-tiles.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { ColdStores, type ColdPlaceName } from '../cold/cold-stores.js';
import { TileEntries } from '../tiers/tile-entries.js';
import { Tiles } from '../storage/tiles.store.js';
import { ArchiveReading } from './archive-reading.js';
import { BatchOpening } from './batch-opening.js';
import { LedgerReading, type LedgerPart, type ReadingState } from './ledger-reading.js';
import { SegmentThreads } from './segment-threads.js';
import { StoredArchive } from './stored-archive.js';
import type { LedgerVerdict, VerificationAsked } from './verification.types.js';

/** What a run is fixed to when it begins, and keeps when another process takes it up. Plain JSON. */
export interface RunPlace extends ReadingPlace {
  /** The high-water mark, root in base64. */
  mark: { origin: string; size: number; root: string } | null;
  /** The largest size that an anchor counted. */
  anchored: number;
  /** The greatest seq that a batch record names; null where none does. */
  archived: number | null;
}

/** A run as it is put aside and taken up again. Plain JSON. */
export interface RunState {
  place: RunPlace;
  spent_ms: number;
  resumed_at: number[];
  reading: ReadingState;
}

export interface RunOptions {
  signal: AbortSignal;
  resume?: RunState | undefined;
  /** Which of the two cold stores is read; the copy is then verified by itself. Preset: the primary. */
  from?: ColdPlaceName;
  /** Entries, and where the run can be taken up from here; undefined where it cannot. */
  progressed?: (progress: { done: number; total: number }, state: () => RunState | undefined) => Promise<void>;
}

/** All that one pass over a ledger is made with. */
interface Pass {
  tenant: string;
  options: VerifierOptions;
  place: RunPlace;
  part: LedgerPart | undefined;
  claims: readonly AnchorClaim[];
  /** Why the anchors could not be read. */
  unread: string | undefined;
  /** Where an anchor's leaf tiles are asked for. */
  within?: SeqRange;
}

/** Verifies a ledger as it is when the run begins; the one engine behind every route and task. */
@Injectable()
export class VerificationEngine {
  constructor(
    private readonly ledgers: Ledgers,
    private readonly reader: LedgerReader,
    private readonly threads: SegmentThreads,
    private readonly keys: PublicKeys,
    private readonly signer: CheckpointSigner,
    private readonly anchors: AnchorReader,
    private readonly tiles: Tiles,
    private readonly tileEntries: TileEntries,
    private readonly batches: ArchiveBatches,
    private readonly opening: BatchOpening,
    private readonly cold: ColdStores,
  ) {}

  /**
   * Throws AUDIT.LEDGER_NOT_FOUND when neither the store nor the key folder knows a ledger of this tenant: one that was
   * signed here and is gone from the store is verified, and found to be rolled back.
   */
  async assertKnown(tenant: string): Promise<void> {
    this.ledgers.originOf(tenant);
    if (await this.ledgers.find(tenant)) return;
    if (await this.signer.highWater(tenant)) return;
    const { end, size } = await this.reader.place(tenant);
    if (end === 0 && size === 0) throw new AuditError('AUDIT.LEDGER_NOT_FOUND', `there is no ledger of ${tenant}`);
  }

  /** Rejects as `assertKnown`, with AUDIT.VERIFIER_KEY_INVALID, and with the signal's reason when it is aborted. */
  async run(tenant: string, asked: VerificationAsked, run: RunOptions): Promise<LedgerVerdict> {
    const began = performance.now();
    await this.assertKnown(tenant);
    const { resume } = run;
    const resumed_at = resume ? [...resume.resumed_at, resume.reading.next] : [];
    const spent = (): number => (resume?.spent_ms ?? 0) + Math.round(performance.now() - began);
    const pass = await this.pass(tenant, asked, resume);
    const report = await this.report(pass, { ...run, told: () => ({ spent_ms: spent(), resumed_at }) });
    const { size, head, oldest, archived } = pass.place;
    const place = { size, head, oldestHotSeq: oldest, highestArchivedSeq: archived };
    return { ...report, ...place, duration_ms: spent(), resumed_at };
  }

  private async report(
    pass: Pass,
    run: RunOptions & { told: () => Pick<RunState, 'spent_ms' | 'resumed_at'> },
  ): Promise<VerificationReport> {
    const report = await this.reportOf(pass, run);
    const intervals = report.breaks.filter(({ located }) => located === 'interval');
    if (intervals.length === 0 || pass.claims.length === 0) return report;
    // Whoever rewrote the stored tiles too is still told by the anchored ones, which are dear to read.
    const from = Math.min(...intervals.map((one) => one.from ?? one.seq ?? 0));
    const to = Math.max(...intervals.map((one) => one.to ?? one.seq ?? 0));
    return this.reportOf({ ...pass, within: { from, to } }, { ...run, resume: undefined });
  }

  private async reportOf(
    { tenant, options, place, part, claims, unread, within }: Pass,
    {
      signal,
      resume,
      from = 'primary',
      progressed,
      told,
    }: RunOptions & { told: () => Pick<RunState, 'spent_ms' | 'resumed_at'> },
  ): Promise<VerificationReport> {
    const verifier = resume ? LedgerVerifier.resumed(options, resume.reading.verifier) : new LedgerVerifier(options);
    for (const claim of claims) verifier.anchor(claim);
    if (unread !== undefined) verifier.cannotRead(unread);
    const sizes = [...claims, ...(options.highWater ? [options.highWater] : [])].map(({ size }) => size);
    const tiles = (from: number, to: number): AsyncIterable<LeafTile> => this.anchoredTiles(options.origin, from, to);
    const stored = new StoredArchive(this.cold, this.batches);
    const archive = new ArchiveReading({
      ...{ batches: this.batches, opening: this.opening, reader: this.reader, verifier },
      view: { tenant, place: from, keys: options.keys.verifierKeys, stored, signal },
      end: part?.end ?? place.end,
      sealed: part ? (part.sealed ?? 0) : place.end,
      passed: resume?.reading.verifier.archive.batches.map(({ batch }) => batch) ?? [],
    });
    const total = part ? part.end - part.from : place.end;
    const reading = new LedgerReading(this.reader, this.threads, {
      ...{ tenant, place, part, sizes, verifier, archive, signal },
      eventKeys: options.keys.eventKeys ?? new Map<string, Uint8Array>(),
      anchored: within && { within, tiles },
      resumed: resume?.reading,
      progressed: async (done, state) => {
        await progressed?.({ done, total }, () => {
          const reading = within ? undefined : state();
          return reading && { place, ...told(), reading };
        });
      },
    });
    await reading.read();
    return verifier.finish();
  }

  /** The mark and the anchors before the entries: then what they count is there when the entries are read. */
  private async pass(tenant: string, asked: VerificationAsked, resume: RunState | undefined): Promise<Pass> {
    const given = parsedKeys(asked.vkeys);
    const origin = this.ledgers.originOf(tenant);
    const ledger = await this.ledgers.find(tenant);
    const origins = ledger ? originsOf(ledger) : [origin];
    const own = (await Promise.all(origins.map((name) => this.keys.verifierKeys(tenant, name)))).flat();
    const pinned = given.length > 0 && given.map(({ name, keyId }) => `${name}+${keyId}`);
    const cosigners = await this.keys.cosignerKeys();
    const keys = { verifierKeys: [...own, ...cosigners, ...given], pinned, eventKeys: await this.keys.eventKeys() };
    const mark = resume ? resume.place.mark : await this.mark(tenant);
    const { claims, unread } = await this.claims(tenant, origins, resume?.place.anchored);
    const anchored = Math.max(0, ...claims.map(({ size }) => size));
    const place = resume?.place ?? { ...(await this.place(tenant)), mark, anchored };
    const highWater = mark && { ...mark, root: Buffer.from(mark.root, 'base64') };
    // What a new incarnation begins with lies anywhere before the range: then the whole ledger is read.
    const range = origins.length === 1 ? askedRange(asked.range, place) : undefined;
    const part = range && (await this.part(tenant, range, place));
    const options = { tenant, origin, keys, ...(highWater && { highWater }), ...(range && { range }) };
    return { tenant, options, place, part, claims, unread };
  }

  /** In both tiers. The newest entry is hot but where hot storage was emptied. */
  private async place(tenant: string): Promise<ReadingPlace & Pick<RunPlace, 'archived'>> {
    const hot = await this.reader.place(tenant);
    const newest = await this.batches.newest(tenant);
    // No batch is longer, whatever the record says.
    const archived = newest && Math.min(newest.endSeq, newest.startSeq + MAX_BATCH_ENTRIES - 1);
    if (archived === null || !Number.isSafeInteger(archived)) return { ...hot, archived: null };
    if (archived < hot.end) return { ...hot, archived };
    return { ...hot, end: archived + 1, head: newest!.endChainHash, archived };
  }

  private async part(tenant: string, { from, to }: SeqRange, { size, end: all }: ReadingPlace): Promise<LedgerPart> {
    const end = Math.min(to + 1, all);
    // Behind the last entry nothing is there that a larger checkpoint could be compared with.
    const sealed = await this.reader.sizeCovering(tenant, end, to < all ? size : all);
    const hashes = new LedgerHashTiles(tenant, this.tiles, this.tileEntries);
    return { from: Math.min(from, end), end, sealed, hashes };
  }

  private async mark(tenant: string): Promise<RunPlace['mark']> {
    const mark = await this.signer.highWater(tenant);
    return mark ? { origin: mark.origin, size: mark.size, root: base64Of(mark.root) } : null;
  }

  /** Of sizes up to `to`: what was anchored since a run began says nothing about it. */
  private async claims(
    tenant: string,
    origins: readonly string[],
    to = Number.MAX_SAFE_INTEGER,
  ): Promise<Pick<Pass, 'claims' | 'unread'>> {
    const claims: AnchorClaim[] = [];
    try {
      for (const origin of origins) {
        for await (const claim of this.anchors.claims(tenant, origin, { to })) claims.push(claim);
      }
      return { claims, unread: undefined };
    } catch (error) {
      return { claims, unread: `the anchors could not be read (${codeOf(error) ?? 'unknown'})` };
    }
  }

  private async *anchoredTiles(origin: string, from: number, to: number): AsyncGenerator<LeafTile> {
    for await (const { from: first, hashes } of this.anchors.leafTiles(origin, { from, to: to - 1 })) {
      yield { from: first, hashes: hashes.slice(0, to - first), source: 'anchored' };
    }
  }
}

/** What was asked for, where that is not the whole ledger; up to the newest entry that is there or was signed. */
function askedRange(asked: VerificationAsked['range'], { end, size, anchored, mark }: RunPlace): SeqRange | undefined {
  if (asked === undefined) return undefined;
  const newest = Math.max(end, size, anchored, mark?.size ?? 0) - 1;
  const { from = 0, to = Math.max(from, newest) } = asked;
  return from === 0 && newest >= 0 && to >= newest ? undefined : { from, to };
}

/** Throws AUDIT.VERIFIER_KEY_INVALID; `pointerOf` names the field of the request. */
export function parsedKeys(
  texts: readonly string[],
  pointerOf = (index: number): string => `/vkeys/${index}`,
): VerifierKey[] {
  return texts.map((text, index) => {
    try {
      return parseVerifierKey(text);
    } catch (cause) {
      if (!(cause instanceof LedgerError)) throw cause;
      const details = [{ pointer: pointerOf(index), code: 'refused', detail: cause.message }];
      throw new AuditError('AUDIT.VERIFIER_KEY_INVALID', cause.message, { cause, details });
    }
  });
}
