import { Injectable } from '@nestjs/common';
import { codeOf } from '#libs/kernel';
import { equalBytes, rootFrom } from '#libs/ledger';
import { Log } from '#libs/telemetry';
import { AnchorReader } from '../anchors/anchor-reader.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { Ledgers, type Ledger } from '../storage/ledgers.store.js';
import { TileEntries } from '../tiers/tile-entries.js';
import { Tiles } from '../storage/tiles.store.js';
import { LedgerHashTiles } from '../tiles/ledger-hash-tiles.js';
import { CheckpointSigner } from './checkpoint-signer.js';
import { NotedLedgers } from './noted-ledgers.js';
import { reasonOf } from './signing-turn.js';
import { Suspending } from './suspending.js';

/**
 * Compares the store with what was signed, before anything is appended: the marks beside the keys, the newest stored
 * checkpoint, the newest anchor, and what the system ledger noted of the others. Whatever is ahead of the store, or is
 * not a part of it, suspends the ledger.
 */
@Injectable()
export class StartCheck {
  /** Resolves when `run` has ended: from then on a ledger that was set back takes no entries. */
  readonly passed: Promise<void>;
  private pass: () => void = () => undefined;

  constructor(
    private readonly ledgers: Ledgers,
    private readonly entries: LedgerEntries,
    private readonly signer: CheckpointSigner,
    private readonly anchors: AnchorReader,
    private readonly tiles: Tiles,
    private readonly tileEntries: TileEntries,
    private readonly noted: NotedLedgers,
    private readonly suspending: Suspending,
    private readonly log: Log,
  ) {
    this.passed = new Promise((resolve) => (this.pass = resolve));
  }

  async run(): Promise<void> {
    await this.lostLedgers();
    for (const ledger of await this.ledgers.all()) {
      if (ledger.state === 'suspended') continue;
      const reason = (await this.signer.contradiction(ledger)) ?? (await this.anchorContradiction(ledger));
      if (reason !== undefined) await this.suspending.suspend(ledger, reason);
    }
    await this.noted.check();
    this.pass();
  }

  /** Those with a mark that the store does not know at all. */
  private async lostLedgers(): Promise<void> {
    const known = new Set((await this.ledgers.all()).map(({ _id }) => _id));
    for (const tenant of await this.signer.marked()) {
      if (known.has(tenant)) continue;
      const mark = await this.signer.highWater(tenant);
      if (!mark) continue;
      const reason = `the store does not know this ledger, ${mark.size} entries were signed`;
      await this.suspending.suspendLost({ _id: tenant, origin: mark.origin }, reason);
    }
  }

  private async anchorContradiction(ledger: Ledger): Promise<string | undefined> {
    const { _id: tenant, origin } = ledger;
    // What is behind the mark was compared with it when it was signed.
    const marked = (await this.signer.highWater(tenant))?.size ?? 0;
    const anchor = await this.anchors.newest(tenant, origin, marked).catch((error: unknown) => {
      // An anchor store that does not answer keeps nobody from starting: the marks were read.
      this.log.warn('audit.anchor_unread', { tenant_id: tenant, error_code: codeOf(error) });
    });
    if (!anchor) return undefined;
    const size = ((await this.entries.head(tenant))?.seq ?? -1) + 1;
    if (size < anchor.size) return `the store has ${size} entries, ${anchor.name} has an anchor of ${anchor.size}`;
    try {
      const found = await rootFrom(new LedgerHashTiles(tenant, this.tiles, this.tileEntries), anchor.size);
      return equalBytes(found, anchor.root)
        ? undefined
        : `${anchor.name} has an anchor of another tree of ${anchor.size}`;
    } catch (error) {
      return reasonOf(error);
    }
  }
}
