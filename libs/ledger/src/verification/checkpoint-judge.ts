import { equalBytes, hexOf } from '../bytes.js';
import { parseCheckpoint } from '../checkpoint.js';
import type { Checkpoint } from '../checkpoint.js';
import { LedgerError } from '../ledger.errors.js';
import type { VerifierKey } from '../note-keys.js';
import { parseNote, verifyNote } from '../note.js';
import { rootOfSnapshot } from './lossy-tree.js';
import type { LossyTree, TreeSnapshot } from './lossy-tree.js';
import type { Finding } from './report.types.js';

/** A root somebody vouches for: a checkpoint whose signature holds, or the signer's high-water mark. */
interface Claim {
  size: number;
  root: Uint8Array;
  by: 'checkpoint' | 'high water';
}

export interface NewestCheckpoint {
  size: number;
  root: Uint8Array;
  time?: number;
}

/**
 * Judges checkpoints: their signatures when they come in, their roots when the tree reaches their size. Keeps only
 * claims the tree has not reached, and snapshots of those that wait for a lost leaf.
 */
export class CheckpointJudge {
  checked = 0;
  newest: NewestCheckpoint | undefined;
  readonly keysUsed = new Set<string>();
  private waiting: Claim[] = [];
  private readonly undecided: { claim: Claim; snapshot: TreeSnapshot }[] = [];
  private matchedCheckpoints = 0;
  private notComparable = 0;
  /** Size of the largest tree whose root matched. */
  lastMatch = 0;
  private failed = false;
  private last: Claim | undefined;

  constructor(
    private readonly origin: string,
    private readonly keys: readonly VerifierKey[],
    private readonly tree: LossyTree,
    private readonly found: (finding: Finding) => void,
  ) {}

  get counts(): { checked: number; matched: number; not_comparable: number } {
    return { checked: this.checked, matched: this.matchedCheckpoints, not_comparable: this.notComparable };
  }

  /** Takes the text of a signed note, in order of size and before the tree passes it. */
  addNote(note: unknown): void {
    this.checked += 1;
    const claim = this.claimOf(note);
    if (claim === undefined) return;
    if (this.last?.size === claim.size && !equalBytes(this.last.root, claim.root)) {
      this.found({
        class: 'forked',
        ...span(claim.size),
        checkpoint: claim.size,
        stored: hexOf(claim.root),
        recomputed: hexOf(this.last.root),
        reason: `two signed checkpoints of size ${claim.size} have different roots`,
      });
    }
    this.last = claim;
    this.add(claim);
  }

  addHighWater(origin: string, claim: Omit<Claim, 'by'>): void {
    if (origin === this.origin) return this.add({ ...claim, by: 'high water' });
    this.found({
      class: 'checkpoint_invalid',
      field: 'origin',
      checkpoint: claim.size,
      stored: origin,
      recomputed: this.origin,
      reason: "the signer's high-water mark is of another origin",
    });
  }

  /** Whether a segment from here on stops at every size that has a claim waiting. */
  canPass(from: number, pieces: readonly { to: number }[]): boolean {
    const end = pieces.at(-1)?.to ?? from;
    const within = this.waiting.filter(({ size }) => size > from && size < end);
    return within.every(({ size }) => pieces.some(({ to }) => to === size));
  }

  /** Called after every leaf. */
  treeGrew(): void {
    while (this.waiting[0] !== undefined && this.waiting[0].size <= this.tree.size) {
      this.decide(this.waiting.shift() as Claim);
    }
  }

  /** Decides what waited for lost leaves, and returns the claims beyond the tree's end. */
  finish(): Claim[] {
    for (const { claim, snapshot } of this.undecided) this.compare(claim, snapshot);
    return this.waiting;
  }

  private add(claim: Claim): void {
    const at = this.waiting.findIndex(({ size }) => size > claim.size);
    this.waiting.splice(at < 0 ? this.waiting.length : at, 0, claim);
    this.treeGrew();
  }

  private decide(claim: Claim): void {
    const snapshot = this.tree.size === claim.size ? this.tree.snapshot() : undefined;
    if (this.tree.size > claim.size) {
      this.found({
        class: 'checkpoint_invalid',
        field: 'size',
        checkpoint: claim.size,
        reason: `a checkpoint of size ${claim.size} was stored among those of ${this.tree.size} and more`,
      });
    } else if (snapshot === undefined) {
      this.notComparable += 1;
    } else if (snapshot.lost > 0) {
      this.undecided.push({ claim, snapshot });
    } else {
      this.compare(claim, snapshot);
    }
  }

  private compare(claim: Claim, snapshot: TreeSnapshot): void {
    const root = rootOfSnapshot(snapshot);
    const below = this.tree.lost.slice(0, snapshot.lost);
    if (root !== undefined && equalBytes(root, claim.root)) {
      for (const leaf of below) leaf.guess = false;
      this.lastMatch = Math.max(this.lastMatch, claim.size);
      if (claim.by === 'checkpoint') this.matchedCheckpoints += 1;
    } else if (root === undefined || below.some(({ guess }) => guess)) {
      if (claim.by === 'checkpoint') this.notComparable += 1;
    } else if (!this.failed) {
      this.failed = true;
      this.foundMismatch(claim, root);
    }
  }

  private foundMismatch(claim: Claim, root: Uint8Array): void {
    const what = claim.by === 'checkpoint' ? 'the signed checkpoint' : "the signer's high-water mark";
    this.found({
      class: claim.by === 'checkpoint' ? 'edited' : 'forked',
      from: Math.min(this.lastMatch, Math.max(claim.size - 1, 0)),
      to: Math.max(claim.size - 1, 0),
      checkpoint: claim.size,
      stored: hexOf(claim.root),
      recomputed: hexOf(root),
      located: 'interval',
      reason: `the entries agree with each other, but not with ${what} of size ${claim.size}; size ${this.lastMatch} still did`,
    });
  }

  private claimOf(note: unknown): Claim | undefined {
    if (typeof note !== 'string') return this.invalid(undefined, 'the stored checkpoint is no text');
    try {
      const checkpoint = parseCheckpoint(parseNote(note).text);
      if (checkpoint.origin !== this.origin) {
        const { size } = checkpoint;
        return this.invalid(size, `a checkpoint of another origin, ${checkpoint.origin}`, 'origin');
      }
      return this.signedClaim(note, checkpoint);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      return this.invalid(undefined, error.message);
    }
  }

  private signedClaim(note: string, { size, root }: Checkpoint): Claim | undefined {
    try {
      const { verified } = verifyNote(note, this.keys);
      for (const { key } of verified) this.keysUsed.add(`${key.name}+${key.keyId}`);
      if (!verified.some(({ key }) => key.algorithm === 'ed25519')) {
        this.found({
          class: 'key_unknown',
          checkpoint: size,
          reason: `the checkpoint of size ${size} has cosignatures only`,
        });
        return undefined;
      }
      const time = verified.find((signature) => signature.time !== undefined)?.time;
      if (size >= (this.newest?.size ?? 0)) this.newest = { size, root, ...(time !== undefined && { time }) };
      return { size, root, by: 'checkpoint' };
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      if (error.code !== 'LEDGER.NOTE_KEY_UNKNOWN') return this.invalid(size, error.message);
      this.found({ class: 'key_unknown', checkpoint: size, reason: error.message });
      return undefined;
    }
  }

  private invalid(size: number | undefined, reason: string, field?: string): undefined {
    this.found({
      class: 'checkpoint_invalid',
      ...(size !== undefined && { checkpoint: size }),
      ...(field !== undefined && { field }),
      reason,
    });
  }
}

const span = (size: number): { from: number; to: number } => ({ from: 0, to: Math.max(size - 1, 0) });
