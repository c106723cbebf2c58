import { Injectable } from '@nestjs/common';
import { batchLines, type ArchiveManifest } from '#libs/archive';
import { bytesOfHex, chainHash, equalBytes, hexOf, leafHash } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
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

/** Canonical bytes begin `{"id":"<36>","ts":"<24>"` (docs/design/ledger.md §1). */
const ID = [7, 43] as const;
const TS = [51, 75] as const;

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
    for (let seq = start; seq < end; seq += BATCH_STEP) {
      signal.throwIfAborted();
      const block = await this.block(tenant, seq, chain);
      const more = block.lines.reduce((sum, line) => sum + line.length + 1, 0);
      if (!fitsBatch(bytes, more)) break;
      found.push(...block.lines);
      bytes += more;
      chain = block.chain;
    }
    const [ids, times] = [found.map((line) => at(line, ID)), found.map((line) => at(line, TS))];
    return {
      lines: batchLines(found),
      range: {
        ...{ startSeq: start, endSeq: start + found.length - 1, eventCount: found.length },
        ...{ minTs: least(times), maxTs: most(times), previousChainHash, endChainHash: hexOf(chain) },
      },
      ids: { minEventId: least(ids), maxEventId: most(ids) },
    };
  }

  private async block(
    tenant: string,
    from: number,
    previous: Uint8Array,
  ): Promise<{ lines: Uint8Array[]; chain: Uint8Array }> {
    const [entries, tile] = await Promise.all([
      this.entries.after(tenant, from, BATCH_STEP),
      this.tiles.full(tenant, 0, from / BATCH_STEP),
    ]);
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
}

const least = (texts: readonly string[]): string => texts.reduce((a, b) => (b < a ? b : a));
const most = (texts: readonly string[]): string => texts.reduce((a, b) => (b > a ? b : a));

const at = (line: Uint8Array, [from, to]: readonly [number, number]): string =>
  Buffer.from(line.buffer, line.byteOffset, line.length).toString('latin1', from, to);

const contradicted = (tenant: string, seq: number, what: string): AuditError =>
  new AuditError('AUDIT.ENTRY_CONTRADICTED', `seq ${seq} of ${tenant} was signed and ${what}`);
