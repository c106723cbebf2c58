import { Injectable } from '@nestjs/common';
import { batchLines, type ArchiveManifest } from '#libs/archive';
import { bytesOfHex, chainHash, equalBytes, hexOf, leafHash } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import type { SignedEntry } from '../domain/high-water-mark.js';
import { idAt, tsAt } from '../domain/line-head.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { Tiles } from '../storage/tiles.store.js';
import { BATCH_STEP, fitsBatch, type Selection } from './batch-selection.js';

/** What of a range was found hot, ready to be packed. */
export interface SourceLines {
  lines: Buffer;
  /** As a manifest says it; hashes in hex. */
  range: Pick<
    ArchiveManifest,
    'startSeq' | 'endSeq' | 'eventCount' | 'minTs' | 'maxTs' | 'previousChainHash' | 'endChainHash'
  >;
  ids: { minEventId: string; maxEventId: string };
}

/** A tile's entries and the tile, as they are in the store. */
type Stored = [entries: SignedEntry[], tile: Uint8Array | undefined];

/**
 * The hot entries of a range, each checked against the chain and against its leaf tile, which was stored when the entry
 * was signed: what was changed since stays where it is, to be found there.
 */
@Injectable()
export class ArchiveSource {
  constructor(
    private readonly entries: LedgerEntries,
    private readonly tiles: Tiles,
  ) {}

  /**
   * As much of the selection as one batch takes, in whole tiles. `previousChainHash`: of the entry before it, hex.
   * Rejects with AUDIT.ENTRY_CONTRADICTED or AUDIT.TILE_MISSING.
   */
  async lines(
    tenant: string,
    { start, end }: Selection,
    previousChainHash: string,
    signal: AbortSignal,
  ): Promise<SourceLines> {
    const found: Uint8Array[] = [];
    let [chain, bytes] = [bytesOfHex(previousChainHash) as Uint8Array, 0];
    let stored = this.stored(tenant, start);
    for (let seq = start; seq < end; seq += BATCH_STEP) {
      signal.throwIfAborted();
      const here = await stored;
      // The next ones come while these are hashed.
      if (seq + BATCH_STEP < end) stored = this.stored(tenant, seq + BATCH_STEP);
      const block = checked(tenant, seq, here, chain);
      const more = block.lines.reduce((sum, line) => sum + line.length + 1, 0);
      if (!fitsBatch(bytes, more)) break;
      found.push(...block.lines);
      bytes += more;
      chain = block.chain;
    }
    const [ids, times] = [found.map((line) => idAt(line)), found.map((line) => tsAt(line))];
    return {
      lines: batchLines(found),
      range: {
        ...{ startSeq: start, endSeq: start + found.length - 1, eventCount: found.length },
        ...{ minTs: least(times), maxTs: most(times), previousChainHash, endChainHash: hexOf(chain) },
      },
      ids: { minEventId: least(ids), maxEventId: most(ids) },
    };
  }

  private stored(tenant: string, from: number): Promise<Stored> {
    const stored = Promise.all([
      this.entries.after(tenant, from, BATCH_STEP),
      this.tiles.full(tenant, 0, from / BATCH_STEP),
    ]);
    stored.catch(() => undefined); // whoever waits for it is told
    return stored;
  }
}

/** The lines of one tile, and the chain hash after them. */
function checked(
  tenant: string,
  from: number,
  [entries, tile]: Stored,
  previous: Uint8Array,
): { lines: Uint8Array[]; chain: Uint8Array } {
  if (!tile) throw new AuditError('AUDIT.TILE_MISSING', `the leaf tile of seq ${from} of ${tenant} is missing`);
  let chain = previous;
  for (let i = 0; i < BATCH_STEP; i++) {
    const entry = entries[i];
    const seq = from + i;
    if (entry?.seq !== seq) throw contradicted(tenant, seq, 'is missing');
    // The store may hold anything in the place of bytes.
    const leaf = entry.bytes instanceof Uint8Array ? leafHash(entry.bytes) : undefined;
    if (!leaf || !equalBytes(leaf, tile.subarray(32 * i, 32 * (i + 1))))
      throw contradicted(tenant, seq, 'is not in its tile');
    chain = chainHash(chain, leaf);
    if (!equalBytes(chain, entry.chain_hash)) throw contradicted(tenant, seq, 'has another chain hash');
  }
  return { lines: entries.map((entry) => entry.bytes), chain };
}

const least = (texts: readonly string[]): string => texts.reduce((a, b) => (b < a ? b : a));
const most = (texts: readonly string[]): string => texts.reduce((a, b) => (b > a ? b : a));

const contradicted = (tenant: string, seq: number, what: string): AuditError =>
  new AuditError('AUDIT.ENTRY_CONTRADICTED', `seq ${seq} of ${tenant} was signed and ${what}`);
