import { Inject, Injectable } from '@nestjs/common';
import { genesisHash, HASH_BYTES, hashesOfTile, TILE_WIDTH } from '#libs/ledger';
import { AnchorReader } from '../anchors/anchor-reader.js';
import { ArchivedEntries } from '../tiers/archived-entries.js';
import { Settings } from '../../settings.js';
import { sameBytes } from '../domain/entry.js';
import { gapsFilled, type Gap } from '../domain/gaps.js';
import { emptyMark, grown, type Mark, type RetiredEntry, type SignedEntry } from '../domain/high-water-mark.js';
import { originOf } from '../domain/origin.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Checkpoints, type StoredCheckpoint } from '../storage/checkpoints.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import type { Ledger } from '../storage/ledgers.store.js';
import { Tiles } from '../storage/tiles.store.js';
import { CheckpointSigner } from './checkpoint-signer.js';

/** What the store still holds of what was signed. */
export interface Survey {
  /** The largest signed tree that the store has as a prefix; of size 0 when it has none. */
  good: Tree;
  /** Size of the largest tree known to be signed. */
  signedSize: number;
  /** The tree of all entries that follow one another from seq 0 on. */
  whole: Mark;
  /** What does not follow after those; undefined when they are all there are. */
  broken: string | undefined;
}

/** Where a survey ends. */
interface Before {
  seq: number;
  incarnation: number;
}

interface Tree {
  size: number;
  root: Uint8Array;
}

type Surveyed = SignedEntry | RetiredEntry;

const TILE_BYTES = TILE_WIDTH * HASH_BYTES;
const READ_ENTRIES = 2_000;
/** Matching checkpoints remembered until one turns out to be signed by us: a forger may have put some behind it. */
const MATCHES = 1_000;

/** Reads a whole ledger, what is archived too, to say up to where it is what was signed: for the operator who has to decide. */
@Injectable()
export class StoreSurvey {
  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'origin'>,
    private readonly signer: CheckpointSigner,
    private readonly entries: LedgerEntries,
    private readonly archived: ArchivedEntries,
    private readonly batches: ArchiveBatches,
    private readonly tiles: Tiles,
    private readonly checkpoints: Checkpoints,
    private readonly anchors: AnchorReader,
  ) {}

  /**
   * Of the entries before `seq`, and of what was signed before that incarnation. Flat in memory but for the anchors.
   * Rejects with OBJECT_STORE. codes when the anchor store cannot be asked, and as ArchivedEntries does.
   */
  async of({ _id: tenant, origin }: Pick<Ledger, '_id' | 'origin'>, before: Partial<Before> = {}): Promise<Survey> {
    const { seq: end = Number.MAX_SAFE_INTEGER, incarnation } = before;
    const marks: Tree[] = await this.signer.marksOf(tenant, incarnation);
    for await (const anchor of this.anchors.claims(tenant, origin)) marks.push(anchor);
    marks.sort((a, b) => a.size - b.size);
    const genesis = genesisHash(originOf(this.settings.origin, tenant));
    let whole: Mark = { ...emptyMark(origin), chainHash: genesis };
    let matches: (Tree | StoredCheckpoint)[] = [];
    let broken: string | undefined;
    const claims = this.claims(tenant, marks);
    let claim = await claims.next();
    for await (const entries of this.pages(tenant, end)) {
      for (let rest = entries; rest.length > 0 && broken === undefined;) {
        while (!claim.done && claim.value.size <= whole.size) claim = await claims.next();
        const some = claim.done ? rest : rest.slice(0, claim.value.size - whole.size);
        rest = rest.slice(some.length);
        const longer = grown(whole, some);
        if ('broken' in longer) broken = longer.broken;
        else whole = longer;
        for (; !claim.done && claim.value.size === whole.size; claim = await claims.next()) {
          if (sameBytes(claim.value.root, whole.root)) matches = [...matches, claim.value].slice(-MATCHES);
        }
      }
      if (broken !== undefined) break;
    }
    const good = matches.findLast((match) => this.isSigned(match)) ?? emptyMark(origin);
    const { size, root } = good;
    return { good: { size, root }, signedSize: await this.signedSize(tenant, marks), whole, broken };
  }

  /** By size, checkpoints, and what needs no signature of the store's: marks and anchors. */
  private async *claims(tenant: string, marks: readonly Tree[]): AsyncGenerator<Tree | StoredCheckpoint, void> {
    const left = [...marks];
    const cursor = this.checkpoints.collection.find({ tenant }, { promoteBuffers: true }).sort({ size: 1 });
    for await (const checkpoint of cursor) {
      while (left[0] && left[0].size <= checkpoint.size) yield left.shift() as Tree;
      yield checkpoint;
    }
    yield* left;
  }

  private async *pages(tenant: string, end: number): AsyncGenerator<Surveyed[], void> {
    for (let seq = 0; seq < end;) {
      const limit = Math.min(READ_ENTRIES, end - seq);
      const hot = await this.entries.after(tenant, seq, limit);
      const page = await gapsFilled<Surveyed>(hot, { after: seq - 1, limit }, (gap) =>
        this.inCold(tenant, { ...gap, to: Math.min(gap.to, end) }),
      );
      if (page.length === 0) return;
      yield page;
      seq = (page.at(-1) as Surveyed).seq + 1;
    }
  }

  private async inCold(tenant: string, { from, to, limit }: Gap): Promise<Surveyed[]> {
    const found: Surveyed[] = [];
    for await (const batch of this.batches.between(tenant, from, to - 1)) {
      if (found.length >= limit) break;
      const first = Math.max(from, batch.startSeq);
      const gap = { from: first, to: Math.min(to, batch.endSeq + 1), limit: limit - found.length };
      const retired = batch.state === 'retired';
      found.push(...(await (retired ? this.leaves(tenant, gap) : this.archived.between(tenant, gap))));
    }
    return found;
  }

  /** Out of the leaf tiles, which stay when a batch retires; up to one that is missing or has another form. */
  private async leaves(tenant: string, { from, to, limit }: Gap): Promise<RetiredEntry[]> {
    const found: RetiredEntry[] = [];
    const end = Math.min(to, from + limit);
    for (let seq = from; seq < end;) {
      const hashes = await this.tiles.full(tenant, 0, Math.floor(seq / TILE_WIDTH));
      if (hashes?.length !== TILE_BYTES) break;
      const leaves = hashesOfTile(hashes, TILE_WIDTH).slice(seq % TILE_WIDTH, (seq % TILE_WIDTH) + end - seq);
      for (const retiredLeaf of leaves) found.push({ seq: seq++, retiredLeaf });
    }
    return found;
  }

  private async signedSize(tenant: string, marks: readonly Tree[]): Promise<number> {
    const marked = marks.at(-1)?.size ?? 0;
    const above = { tenant, size: { $gt: marked } };
    const cursor = this.checkpoints.collection.find(above, { promoteBuffers: true }).sort({ size: -1 });
    for await (const checkpoint of cursor) if (this.isSigned(checkpoint)) return checkpoint.size;
    return marked;
  }

  /** A mark lies beside the key, an anchor was checked when it was read. */
  private isSigned(claim: Tree | StoredCheckpoint): boolean {
    return !('note' in claim) || this.signer.isOurs(claim);
  }
}
