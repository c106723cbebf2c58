import type { SealedEvent } from '../audit.types.js';

/** Why a person is erased. */
export const ERASURE_REASONS = [
  'person_asked',
  'consent_withdrawn',
  'no_longer_needed',
  'court_order',
  'test',
] as const;
export type ErasureReason = (typeof ERASURE_REASONS)[number];

/**
 * How far an erasure is. `intended`: nothing happened, and a hold can still stop it; `committed`: the receipt is in the
 * cold store; `destroyed`: the key is gone; `done`: and the ledger says so.
 */
export type ErasureState = 'intended' | 'committed' | 'destroyed' | 'done';

/** One erasure. Who was erased is in none of its members. */
export interface Erasure {
  /** UUIDv7, in the name of the receipt too. */
  _id: string;
  tenant: string;
  /** That entries name the person by. */
  pseudonym: string;
  reason: ErasureReason;
  case_id?: string;
  requested_at: Date;
  state: ErasureState;
  /** The receipt as it was signed, before anything was done. */
  receipt: string;
  /** That the person was erased, as the ledger will say it; absent where nobody ordered it now: of a replay. */
  event?: SealedEvent;
  done_at?: Date;
  /** How often a restored backup had the key again, and it was destroyed again. */
  replays: number;
}

/** How far one is. */
export type ErasureStep = Pick<Erasure, '_id' | 'pseudonym' | 'state'>;
