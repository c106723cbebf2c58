import { equalBytes, hexOf } from '../bytes.js';
import { nodeHash } from '../hashes.js';
import { TILE_WIDTH, tileWidthAt } from '../tiles.js';
import { rootOf } from '../tree.js';
import { isPowerOfTwo, splitOf } from '../tree-ranges.js';
import type { BreakVerdict, Finding } from './report.types.js';
import { bundleFaults } from './tlog-bundle.js';
import type { FoundBundle } from './tlog-bundle.js';
import { membersAt, pathOf, spanOf } from './tlog-source.js';
import type { TlogSource } from './tlog-source.js';

type Hashes = readonly Uint8Array[];

/** A tile being checked: what the log states, and what follows from below. */
interface Rung {
  level: number;
  index: number;
  width: number;
  stated: Hashes | undefined;
  /** The stated hashes lead to the root, so they are those it was made of. */
  sure: boolean;
  /** From the entries, or the tiles below; undefined where nothing was read. */
  computed: (Uint8Array | undefined)[];
  /** How many of them follow from entries that were read. */
  checked: number;
  /** Of level 0 only. */
  bundle: FoundBundle | undefined;
}

/** Which of the two leads to the hash above. */
type Right = 'stated' | 'computed' | undefined;

export interface LadderOptions {
  source: TlogSource;
  size: number;
  root: Uint8Array;
  /** True when a signature vouches for `root`. */
  signed: boolean;
  found(finding: Finding): void;
}

/**
 * The tiles of a tree of one size, each checked against the one above it and against what is below it, with one tile a
 * level in memory. From the root down, a tile whose root is the hash above it is the one that was signed, and decides
 * which entries below it are not. Where a tile itself is wrong, what is below it leads to the hash above instead. The
 * partial tiles at the right edge lead to the root together.
 */
export class TlogLadder {
  /** Tiles of level 0 that were compared with entries, and those that agree. */
  readonly tiles = { compared: 0, agreed: 0 };
  private readonly rungs = new Map<number, Rung>();
  private edges: Rung[] = [];

  constructor(private readonly options: LadderOptions) {}

  /** Reads the partial tiles, of which every tree but the empty one has some. */
  async open(): Promise<void> {
    const { size, root } = this.options;
    for (let level = 0; TILE_WIDTH ** level <= size; level++) {
      const index = Math.floor(size / TILE_WIDTH ** (level + 1));
      if (tileWidthAt({ level, index, size }) > 0) this.edges.push(await this.read(level, index));
    }
    const stated = this.edges.map((edge) => edge.stated);
    const sure = stated.every((hashes) => hashes !== undefined) && equalBytes(foldOf(stated), root);
    for (const edge of this.edges) edge.sure = sure;
  }

  /**
   * Takes the entries of the bundle at `index`, bundles in order; undefined when it could not be read. Gives the places
   * of those that are not what the tile says, or that it says nothing of.
   */
  async bundle(index: number, bundle: FoundBundle | undefined): Promise<Set<number>> {
    const rung = await this.rung(0, index);
    rung.bundle = bundle;
    if (bundle === undefined) return new Set();
    rung.computed = rung.computed.map((_, i) => bundle.entries[i]?.hash);
    rung.checked = Math.min(rung.width, bundle.entries.length);
    if (rung.stated === undefined) return new Set();
    const differing = new Set(differencesOf(rung));
    this.tiles.compared += 1;
    if (differing.size === 0 && bundle.entries.length === rung.width && bundle.leftover === 0) this.tiles.agreed += 1;
    for (let extra = rung.width; extra < bundle.entries.length; extra++) differing.add(extra);
    return differing;
  }

  /** Whether the root follows from what was read; undefined when too little was. */
  async finish(): Promise<boolean | undefined> {
    for (let level = 0; this.rungs.has(level); level++) {
      const rung = this.rungs.get(level);
      if (rung !== undefined && rung.width === TILE_WIDTH) await this.close(rung);
    }
    return this.closeEdges();
  }

  private async rung(level: number, index: number): Promise<Rung> {
    const current = this.rungs.get(level);
    if (current?.index === index) return current;
    if (current !== undefined) await this.close(current);
    const rung =
      this.edges.find((edge) => edge.level === level && edge.index === index) ?? (await this.full(level, index));
    this.rungs.set(level, rung);
    return rung;
  }

  private async full(level: number, index: number): Promise<Rung> {
    const [above, rung] = [await this.above(level, index), await this.read(level, index)];
    const { stated } = rung;
    const hash = above.rung.stated?.[above.at];
    rung.sure = above.rung.sure && stated !== undefined && hash !== undefined && equalBytes(rootOf(stated), hash);
    return rung;
  }

  private async above(level: number, index: number): Promise<{ rung: Rung; at: number }> {
    return { rung: await this.rung(level + 1, Math.floor(index / TILE_WIDTH)), at: index % TILE_WIDTH };
  }

  private async read(level: number, index: number): Promise<Rung> {
    const width = tileWidthAt({ level, index, size: this.options.size });
    const { members: stated, finding } = {
      finding: undefined,
      ...(await membersAt(this.options.source, { level, index, width })),
    };
    if (finding !== undefined) this.options.found(finding);
    // What is not read below is taken as stated: in a run over a range it is not looked at.
    const computed = stated ?? Array.from<undefined>({ length: width });
    return { level, index, width, stated, sure: false, computed: [...computed], checked: 0, bundle: undefined };
  }

  /** A full tile: compared with the hash that stands for it in the tile above. */
  private async close(rung: Rung): Promise<void> {
    this.rungs.delete(rung.level);
    const { rung: above, at } = await this.above(rung.level, rung.index);
    const hash = above.stated?.[at];
    const stated = rung.stated && rootOf(rung.stated);
    const computed = computedOf(rung);
    const fromBelow = computed && rootOf(computed);
    const leads = (candidate: Uint8Array | undefined): boolean =>
      candidate !== undefined && hash !== undefined && equalBytes(candidate, hash);
    const right: Right = leads(fromBelow) ? 'computed' : leads(stated) ? 'stated' : undefined;
    this.judge(rung, right, above.sure);
    if (right === undefined && above.sure && fromBelow !== undefined) {
      this.foundInterval(rung, rung, this.verdict(true), hash, fromBelow);
    }
    if (rung.checked === rung.width) above.checked += 1;
    above.computed[at] = right !== undefined || above.sure ? hash : (fromBelow ?? stated ?? hash);
  }

  private closeEdges(): boolean | undefined {
    const { edges } = this;
    const { root, size } = this.options;
    const choice = choicesOf(edges).find((rights) => {
      const hashes = edges.map((edge, i) => (rights[i] === 'stated' ? edge.stated : computedOf(edge)));
      return hashes.every((each) => each !== undefined) && equalBytes(foldOf(hashes), root);
    });
    for (const [i, edge] of edges.entries()) this.judge(edge, choice?.[i], choice !== undefined);
    if (choice !== undefined) return true;
    const computed = edges.map(computedOf);
    if (!computed.every((hashes) => hashes !== undefined)) return undefined;
    this.options.found({
      class: edges.every(({ checked, width }) => checked === width) ? 'edited' : 'tile_mismatch',
      from: 0,
      to: size - 1,
      checkpoint: size,
      stored: hexOf(root),
      recomputed: hexOf(foldOf(computed)),
      located: 'interval',
      verdict: this.verdict(true),
      reason: `entries and tiles do not lead to the root of the checkpoint of size ${size}`,
    });
    return false;
  }

  /** Says what differs between a tile and what is below it, and which of them is wrong if that can be told. */
  private judge(rung: Rung, right: Right, sure: boolean): void {
    const verdict = this.verdict(sure && right === 'stated');
    for (const at of differencesOf(rung)) {
      if (right === 'computed') this.foundTile(rung, at);
      else if (rung.level > 0)
        this.foundInterval(rung, childOf(rung, at), verdict, rung.stated?.[at], rung.computed[at]);
    }
    const stated = right === 'computed' ? computedOf(rung) : rung.stated;
    if (rung.bundle === undefined || stated === undefined) return;
    const undecided = right === undefined ? '; nothing above the tile tells which of the two is right' : '';
    for (const fault of bundleFaults({ from: rung.index * TILE_WIDTH, stated, ...rung.bundle })) {
      this.options.found({ ...fault, verdict, reason: `${fault.reason}${undecided}` });
    }
  }

  private foundTile(rung: Rung, at: number): void {
    const { from, to } = spanOf(childOf(rung, at));
    this.options.found({
      class: 'tile_mismatch',
      ...(rung.level === 0 ? { seq: rung.index * TILE_WIDTH + at } : { from, to }),
      field: pathOf(rung),
      stored: hexOf(rung.stated?.[at] as Uint8Array),
      recomputed: hexOf(rung.computed[at] as Uint8Array),
      verdict: 'inconsistent',
      reason: `hash ${at} of ${pathOf(rung)} is not what is below it, which leads to the hash above`,
    });
  }

  private foundInterval(
    { checked, width }: Rung,
    tile: { level: number; index: number; width: number },
    verdict: BreakVerdict,
    stored: Uint8Array | undefined,
    recomputed: Uint8Array | undefined,
  ): void {
    this.options.found({
      class: checked === width ? 'edited' : 'tile_mismatch',
      ...spanOf(tile),
      field: pathOf(tile),
      ...(stored && { stored: hexOf(stored) }),
      ...(recomputed && { recomputed: hexOf(recomputed) }),
      located: 'interval',
      verdict,
      reason: `${pathOf(tile)} and what is below it do not lead to the hash above`,
    });
  }

  private verdict(sure: boolean): BreakVerdict {
    return sure && this.options.signed ? 'proven_tampering' : 'inconsistent';
  }
}

/** The tile whose root is hash `at` of this one; of level 0 it stands for itself. */
const childOf = ({ level, index }: Rung, at: number): { level: number; index: number; width: number } =>
  level === 0 ? { level, index, width: 1 } : { level: level - 1, index: index * TILE_WIDTH + at, width: TILE_WIDTH };

function differencesOf({ stated, computed }: Rung): number[] {
  const differing: number[] = [];
  stated?.forEach((hash, at) => {
    const other = computed[at];
    if (other !== undefined && !equalBytes(hash, other)) differing.push(at);
  });
  return differing;
}

/** What is below a tile; where nothing was read, what the tile says. Undefined when some of it is not known at all. */
function computedOf({ stated, computed }: Rung): Hashes | undefined {
  const hashes = computed.map((hash, at) => hash ?? stated?.[at]);
  return hashes.every((hash) => hash !== undefined) ? hashes : undefined;
}

/** For each edge, which of the two to believe: all of what is below first, then every mixture. At most 2^7. */
function choicesOf(edges: readonly Rung[]): Exclude<Right, undefined>[][] {
  let choices: Exclude<Right, undefined>[][] = [[]];
  for (const edge of edges) {
    const either = edge.stated !== undefined && (differencesOf(edge).length > 0 || computedOf(edge) === undefined);
    const rights = either ? (['computed', 'stated'] as const) : (['computed'] as const);
    choices = rights.flatMap((right) => choices.map((chosen) => [...chosen, right]));
  }
  return choices;
}

/** The root over partial tiles, those of level 0 first (RFC 6962 §2.1: full subtrees from the left, folded from the right). */
function foldOf(edges: readonly Hashes[]): Uint8Array {
  const peaks = edges.toReversed().flatMap(peaksOf);
  return peaks.reduceRight((right, left) => nodeHash(left, right));
}

function peaksOf(hashes: Hashes): Uint8Array[] {
  const peaks: Uint8Array[] = [];
  let start = 0;
  while (start < hashes.length) {
    const rest = hashes.length - start;
    const length = isPowerOfTwo(rest) ? rest : splitOf(rest);
    peaks.push(rootOf(hashes.slice(start, start + length)));
    start += length;
  }
  return peaks;
}
