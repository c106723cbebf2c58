import { hexOf } from '../bytes.js';
import type { ArchiveState } from './archive-log.js';
import type { JudgeState } from './checkpoint-judge.js';
import type { WalkState } from './entry-walk.js';
import type { KidUse } from './event-kids.js';
import type { FormFaults } from './findings.js';
import type { PlacedReopening } from './incarnations.js';
import type { TrustState } from './key-trust.js';
import type { AnchorClaim } from './report.types.js';

/** Where a verifier stands, as plain JSON: between two segments, while nothing was found. */
export interface VerifierState {
  version: 2;
  tenant: string;
  origin: string;
  walk: WalkState;
  tree: { size: number; peaks: string[] };
  judge: JudgeState;
  trust: TrustState;
  reopenings: PlacedReopening[];
  kids: KidUse[];
  form_faults: FormFaults;
  tiles: { compared: number; agreed: number };
  archive: ArchiveState;
  anchors: AnchorState[];
}

export interface AnchorState extends Pick<AnchorClaim, 'kind' | 'name' | 'size'> {
  root: string;
}

export const anchorState = ({ kind, name, size, root }: AnchorClaim): AnchorState => ({
  kind,
  name,
  size,
  root: hexOf(root),
});
