import type { VerifierKey } from '../note-keys.js';
import type { WitnessPolicy } from '../witness/policy.js';
import type { Findings } from './findings.js';
import type { EventKeys } from './reading.js';
import type { SeqRange } from './report.types.js';
import type { TlogHead } from './tlog-head.js';
import type { TlogSource } from './tlog-source.js';

export interface TlogOptions extends TlogSource {
  keys: {
    /** The log's keys and those of cosigners whose time counts. */
    verifierKeys: readonly VerifierKey[];
    /** Whether they come from outside the log. */
    pinned: boolean;
    /** Ed25519 public keys by the `kid` of an event's own signature. */
    eventKeys?: EventKeys;
  };
  /** What the checkpoint's origin must be; whatever it says without it. */
  origin?: string;
  /** Witnesses in another trust domain, and how many of them anchor a checkpoint. */
  policy?: WitnessPolicy;
  /** Of a log of this size, the seqs to verify, both inclusive; widened to whole bundles. All of it without. */
  range?(size: number): SeqRange | undefined;
  /** How many breaks are listed; all are counted. Default 1,000. */
  maxBreaks?: number;
  /** Called after every bundle. */
  progress?(done: { entries: number; of: number }): void;
  signal?: AbortSignal;
}

/** What was read and found, for the report. */
export interface TlogOutcome {
  options: TlogOptions;
  tenant: string | undefined;
  head: TlogHead;
  findings: Findings;
  asked: SeqRange | null;
  covered: SeqRange | null;
  found: number;
  tiles: { compared: number; agreed: number };
  /** Whether the entries and tiles lead to the checkpoint's root; undefined when too little could be read. */
  matched: boolean | undefined;
}
