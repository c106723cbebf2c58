import { bytesOfHex, hexOf } from '../bytes.js';
import type { Claim } from './claim.js';
import type { KidUse } from './event-kids.js';
import type { FormFaults } from './findings.js';
import type { PlacedReopening } from './incarnations.js';
import type { KeyFault, KeyRecord, SetAside } from './key-record.js';
import type { PlacedStatement } from './key-statements.js';
import type { Reading } from './reading.js';
import type { AnchorClaim } from './report.types.js';

/** Where a verifier stands, as plain JSON: between two segments, while nothing was found. */
export interface VerifierState {
  version: 1;
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
  anchors: AnchorState[];
}

export interface WalkState {
  found: number;
  position: number;
  /** Chain hash before the next entry, and before the first of `recent`. */
  previous: string;
  before: string | undefined;
  recent: ReadingState[];
  held: ReadingState | undefined;
}

/** A reading in which nothing is wrong. */
type ReadingState = Pick<Reading, 'eventId' | 'formFaults' | 'signature' | 'statement' | 'reopening'> & {
  seq: number;
  leaf: string;
  chain: string;
};

export interface ClaimState extends Pick<Claim, 'size' | 'by' | 'incarnation' | 'time'> {
  root: string;
  signers: string[];
}

export interface JudgeState {
  checked: number;
  matched: number;
  last_anchored: number;
  /** The largest that matched. */
  matching: ClaimState | undefined;
  newest: ClaimState | undefined;
  keys_used: string[];
  waiting: ClaimState[];
  /** Sizes and roots of marks that matched. */
  marks: { size: number; root: string }[];
}

export interface TrustState {
  records: KeyState[];
  event_statements: PlacedStatement[];
}

export interface KeyState {
  name: string;
  activated?: PlacedStatement;
  retired?: PlacedStatement;
  compromised?: PlacedStatement;
  covers: [string, number][];
  counted: number[];
  aside: [KeyFault, SetAside][];
}

export interface AnchorState extends Pick<AnchorClaim, 'kind' | 'name' | 'size'> {
  root: string;
}

export const readingState = (reading: Reading): ReadingState => ({
  seq: reading.claimed as number,
  eventId: reading.eventId,
  leaf: hexOf(reading.leaf as Uint8Array),
  chain: hexOf(reading.storedChain as Uint8Array),
  formFaults: reading.formFaults,
  signature: reading.signature,
  statement: reading.statement,
  reopening: reading.reopening,
});

export function readingOfState({ seq, leaf, chain, ...rest }: ReadingState): Reading {
  const hash = bytesOfState(leaf);
  return {
    ...rest,
    // JSON leaves out what is undefined.
    eventId: rest.eventId,
    reopening: rest.reopening,
    signature: rest.signature && { kid: rest.signature.kid, fault: rest.signature.fault },
    statement: rest.statement && { ...rest.statement, publicKeySha256: rest.statement.publicKeySha256 },
    claimed: seq,
    idSeq: seq,
    leaf: hash,
    storedLeaf: hash,
    storedChain: bytesOfState(chain),
    agrees: true,
    placeFaults: [],
    columnFaults: [],
  };
}

export const claimState = ({ size, by, incarnation, time, root, signers }: Claim): ClaimState => ({
  size,
  by,
  incarnation,
  ...(time !== undefined && { time }),
  root: hexOf(root),
  signers: signers.map(({ name }) => name),
});

export const keyState = (record: KeyRecord): KeyState => ({
  name: record.name,
  ...(record.activated && { activated: record.activated }),
  ...(record.retired && { retired: record.retired }),
  ...(record.compromised && { compromised: record.compromised }),
  covers: [...record.covers],
  counted: record.counted.all(),
  aside: [...record.aside],
});

export const anchorState = ({ kind, name, size, root }: AnchorClaim): AnchorState => ({
  kind,
  name,
  size,
  root: hexOf(root),
});

export const bytesOfState = (hex: string): Uint8Array => bytesOfHex(hex) as Uint8Array;
