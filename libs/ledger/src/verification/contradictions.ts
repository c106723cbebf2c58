import { hexOf } from '../bytes.js';
import { verdictBy } from './claim.js';
import type { Claim } from './claim.js';
import type { Finding } from './report.types.js';

/** A claim whose root is not that of the entries, while the entries agree with each other. */
export interface Contradiction {
  claim: Claim;
  /** Of the entries. */
  root: Uint8Array;
  /** The largest size that still matched. */
  from: number;
}

/** Nothing else vouches for the entries: somewhere after the last size that matched they are not what was signed. */
export function mismatchFinding(
  { claim, root, from }: Contradiction,
  { aboutTiles, passed }: { aboutTiles: string; passed: boolean },
): Finding {
  if (passed) return outsideFinding({ claim, root, from });
  const { by, size, anchor } = claim;
  const kind = { checkpoint: 'edited', 'high water': 'forked', anchor: 'anchor_mismatch' } as const;
  return {
    class: kind[by],
    from: Math.min(from, Math.max(size - 1, 0)),
    to: Math.max(size - 1, 0),
    checkpoint: size,
    stored: hexOf(claim.root),
    recomputed: hexOf(root),
    located: 'interval',
    verdict: verdictBy(claim),
    reason: `the entries agree with each other, but not with ${nameOf(claim)} of size ${size}; size ${from} still did${anchor ? '' : aboutTiles}`,
  };
}

/** Where a part was not read, it is not known whether the entries or the subtrees given for that part are wrong. */
const outsideFinding = ({ claim, root, from }: Contradiction): Finding => ({
  class: 'tile_mismatch',
  from: Math.min(from, Math.max(claim.size - 1, 0)),
  to: Math.max(claim.size - 1, 0),
  checkpoint: claim.size,
  stored: hexOf(claim.root),
  recomputed: hexOf(root),
  located: 'interval',
  verdict: 'inconsistent',
  reason: `the entries read and the tiles of the rest do not have the root of ${nameOf(claim)} of size ${claim.size}; only reading the rest could tell which`,
});

/** The entries have the root that one of the two claims, so the other one is of a history that is not here. */
export function forkFinding(failed: Claim, other: Claim): Finding {
  const { size, root } = failed;
  const reason =
    size === other.size && failed.by === 'checkpoint' && other.by === 'checkpoint'
      ? `two signed checkpoints of size ${size} have different roots`
      : `${nameOf(failed)} of size ${size} contradicts ${nameOf(other)} of size ${other.size}, which the entries agree with`;
  const proven = verdictBy(failed) === 'proven_tampering' && verdictBy(other) === 'proven_tampering';
  return {
    class: 'forked',
    from: 0,
    to: Math.max(size - 1, 0),
    checkpoint: size,
    stored: hexOf(root),
    verdict: proven ? 'proven_tampering' : 'inconsistent',
    reason,
  };
}

/** More entries are claimed than there are. */
export function tailFinding(claim: Claim, size: number): Finding {
  return {
    class: claim.by === 'checkpoint' ? 'tail_cut' : 'rolled_back',
    from: size,
    to: claim.size - 1,
    checkpoint: claim.size,
    verdict: verdictBy(claim),
    reason: `${nameOf(claim)} counts ${claim.size} entries, the store holds ${size}`,
  };
}

/** Leaf tiles know more entries than there are. */
export const tileTailFinding = (told: number, size: number): Finding => ({
  class: 'tail_cut',
  from: size,
  to: told - 1,
  verdict: 'inconsistent',
  reason: `leaf tiles hold the hashes of ${told} entries, the store holds ${size}`,
});

function nameOf({ by, anchor }: Claim): string {
  if (anchor !== undefined) return `the anchor ${anchor.claim.name}`;
  return by === 'checkpoint' ? 'the signed checkpoint' : "the signer's high-water mark";
}
