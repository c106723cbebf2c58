import { Inject, Injectable } from '@nestjs/common';
import {
  entryId,
  formatCheckpoint,
  LedgerError,
  parseCheckpoint,
  signatureLine,
  signNote,
  verifyNote,
} from '#libs/ledger';
import { Settings } from '../../settings.js';
import { WholeLedger } from '../tiers/whole-ledger.js';
import { sameBytes } from '../domain/entry.js';
import { hourOf, thinAfter } from '../domain/checkpoint-keeping.js';
import { reopeningFault } from '../domain/reopening.js';
import { FIRST_INCARNATION, incarnationOf } from '../domain/origin.js';
import type { Mark } from '../domain/high-water-mark.js';
import type { StoredCheckpoint, StoredCosignature } from '../domain/stored-checkpoint.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import type { Ledger } from '../storage/ledgers.store.js';
import { TileWriter } from '../tiles/tile-writer.js';
import { HighWaterFiles } from './high-water-files.js';
import { TurnEntries } from './turn-entries.js';
import { contradictionOf, signingTurn, type Incarnation, type Signed, type SigningPorts } from './signing-turn.js';

export type { Signed } from './signing-turn.js';

/** Which ledger, and in which incarnation: the origin says. */
type Which = Pick<Ledger, '_id' | 'origin'>;

/**
 * Signs the heads of ledgers. Its high-water marks lie outside the database, beside the keys: a database that was set
 * back, cut or rewritten contradicts them, and is not signed again.
 */
@Injectable()
export class CheckpointSigner {
  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'origin'>,
    private readonly keys: AuditKeys,
    private readonly entries: LedgerEntries,
    private readonly checkpoints: Checkpoints,
    private readonly tiles: TileWriter,
    private readonly marks: HighWaterFiles,
    private readonly whole: WholeLedger,
  ) {}

  /**
   * One checkpoint over what the store holds now. Two processes may sign at once: the same entries give the same
   * note, and one size is kept once. Rejects with AUDIT.MARK_UNREADABLE, or when the store does not answer.
   */
  async sign(ledger: Which): Promise<Signed> {
    return signingTurn(this.incarnation(ledger), this.ports(ledger));
  }

  /** What in the store contradicts what was signed, if anything does: asked once at start, before any append. */
  async contradiction(ledger: Which): Promise<string | undefined> {
    const newest = await this.checkpoints.newest(ledger._id);
    if (newest && newest.origin === ledger.origin && !this.isOurs(newest)) {
      return `the checkpoint of size ${newest.size} is not signed by a key in the data folder`;
    }
    return contradictionOf(this.incarnation(ledger), this.ports(ledger));
  }

  /** The newest mark as the files have it now, for a verifier; undefined when this process has none. */
  async highWater(tenant: string): Promise<Mark | undefined> {
    return (await this.marksOf(tenant)).at(-1);
  }

  /** All of the newest incarnation, `before` one where that is given, by size. */
  async marksOf(tenant: string, before?: number): Promise<Mark[]> {
    return (await this.marks.of(tenant).newest(before))?.marks ?? [];
  }

  /** Every tenant of whose ledger this process has a mark. */
  async marked(): Promise<string[]> {
    return this.marks.tenants();
  }

  /**
   * A new cosignature under the newest checkpoint when the last one of ours is an hour old: it says that until now
   * nothing followed. Only the marked tree is cosigned. Resolves with when to ask again, in milliseconds since 1970.
   */
  async renewed({ _id: tenant, origin }: Which): Promise<number> {
    const published = await this.checkpoints.published(tenant);
    const mark = await this.highWater(tenant);
    if (!mark || published?.origin !== origin || published.size !== mark.size) return Date.now();
    const names = this.keys.cosignerKeys().map(({ keyId }) => keyId);
    const ours = published.cosignatures.filter(({ key_id: id }) => names.includes(id)).map(({ time }) => time);
    const due = (Math.max(0, ...ours) + RENEW_S) * 1_000;
    if (due > Date.now()) return due;
    const cosignature = await this.cosignature(tenant, mark.size, formatCheckpoint(mark));
    await this.checkpoints.addCosignatures(tenant, mark.size, [cosignature]);
    // If the process dies here, the line is there: the next one finds it fresh.
    await this.checkpoints.keepFor(tenant, mark.size, 'hourly');
    return (cosignature.time + RENEW_S) * 1_000;
  }

  /** Whether a key in the data folder signed it, in the name of any incarnation, and it is stored as it was signed. */
  isOurs({ tenant, origin, note, size, root, mac, mac_key_id: macKeyId }: StoredCheckpoint): boolean {
    if (incarnationOf(this.settings.origin, tenant, origin) === undefined) return false;
    try {
      const { text } = verifyNote(note, this.keys.verifierKeys(tenant, origin));
      const signed = parseCheckpoint(text);
      if (signed.origin !== origin || signed.size !== size || !sameBytes(signed.root, root)) return false;
      return this.keys.noteMacHolds(tenant, text, mac, macKeyId) !== false;
    } catch (error) {
      if (error instanceof LedgerError) return false;
      throw error;
    }
  }

  private incarnation({ _id: tenant, origin }: Which): Incarnation {
    return { origin, incarnation: incarnationOf(this.settings.origin, tenant, origin) ?? FIRST_INCARNATION };
  }

  private ports({ _id: tenant, origin }: Which): SigningPorts {
    const turn = new TurnEntries((seq, limit) => this.whole.after(tenant, seq, limit));
    return {
      head: () => this.entries.head(tenant),
      chainHashAt: (seq) => this.whole.chainHashAt(tenant, seq),
      entries: (seq, limit) => turn.after(seq, limit),
      entryFault: ({ bytes }) =>
        this.keys.keyEntryFault(tenant, origin, bytes) ??
        reopeningFault(bytes, this.incarnation({ _id: tenant, origin })),
      marks: this.marks.of(tenant),
      newest: () => this.checkpoints.newest(tenant),
      publishedSize: () => this.checkpoints.publishedSize(tenant),
      sign: (mark, previous) => this.checkpointOf(tenant, mark, previous),
      persist: (checkpoint) => this.checkpoints.add(checkpoint),
      cover: ({ size, root }) => this.tiles.cover(tenant, size, { root, entries: turn }),
      publish: (size) => this.checkpoints.publish({ tenant, origin, size }),
    };
  }

  private async checkpointOf(tenant: string, mark: Mark, previous: Date | undefined): Promise<StoredCheckpoint> {
    const { origin, size, root } = mark;
    const text = formatCheckpoint({ origin, size, root });
    const { keyId, mac } = this.keys.noteMac(tenant, text);
    const note = signNote(text, await this.keys.noteSigner(tenant, origin, size));
    const signedAt = new Date();
    const isFirstOfHour = previous === undefined || hourOf(previous) < hourOf(signedAt);
    return {
      _id: entryId(tenant, size),
      tenant,
      origin,
      size,
      root,
      note,
      cosignatures: [await this.cosignature(tenant, size, text)],
      cosigned: 0,
      mac,
      mac_key_id: keyId,
      signed_at: signedAt,
      ...(isFirstOfHour ? { keep: ['hourly'] } : { keep: [], thin_after: thinAfter(signedAt) }),
    };
  }

  private async cosignature(tenant: string, size: number, text: string): Promise<StoredCosignature> {
    const time = Math.floor(Date.now() / 1_000);
    const signer = await this.keys.cosigner(tenant, size, time);
    return { name: signer.name, key_id: signer.keyId, time, line: signatureLine(signer, text).trimEnd() };
  }
}

/** How old our newest cosignature of an idle ledger may become, in seconds. */
const RENEW_S = 3_600;
