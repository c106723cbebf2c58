/** Why a checkpoint is kept for ever; others are thinned. */
export type KeepReason = 'anchored' | 'batch_end' | 'key_change' | 'hourly';

/** A `cosignature/v1` line under a checkpoint: ours, or a witness's. */
export interface StoredCosignature {
  /** Of the cosigner's key. */
  name: string;
  /** 8 lower-case hex digits. */
  key_id: string;
  /** Seconds since 1970, as the cosigner asserts. */
  time: number;
  /** `— <name> <base64>`, without the newline. */
  line: string;
}

/** One signed checkpoint, as kept. */
export interface StoredCheckpoint {
  /** `<tenant>:<size in 16 digits>`. */
  _id: string;
  tenant: string;
  origin: string;
  size: number;
  root: Uint8Array;
  /** The signed note: text and the log's own signature lines. Never changes. */
  note: string;
  /** Of each cosigner's key the earliest and the latest, by time. */
  cosignatures: StoredCosignature[];
  /** How often `cosignatures` was changed: what a change compares and sets. */
  cosigned: number;
  /** Over the note's text; a quick check for ourselves, never shown. */
  mac: Uint8Array;
  mac_key_id: string;
  signed_at: Date;
  keep: KeepReason[];
  /** Thinned from then on; absent on one that is kept for ever. */
  thin_after?: Date;
}

/** The note as it is published: with the latest line of every cosigner's key. */
export function signedNoteOf({ note, cosignatures }: Pick<StoredCheckpoint, 'note' | 'cosignatures'>): string {
  const latest = new Map([...cosignatures].sort(byTime).map((one) => [keyOf(one), one]));
  return note + [...latest.values()].map(({ line }) => `${line}\n`).join('');
}

/**
 * Of each key the earliest (when the checkpoint was first seen) and the latest (until when nothing followed it). What
 * lies between says nothing more: a tree that had this size at both ends had it throughout.
 */
export function mergedCosignatures(
  kept: readonly StoredCosignature[],
  added: readonly StoredCosignature[],
): StoredCosignature[] {
  const byKey = new Map<string, StoredCosignature[]>();
  for (const one of [...kept, ...added]) byKey.set(keyOf(one), [...(byKey.get(keyOf(one)) ?? []), one]);
  return [...byKey.values()].flatMap((ofKey) => {
    const ordered = ofKey.sort(byTime);
    const [first, last] = [ordered[0]!, ordered.at(-1)!];
    return first.time === last.time ? [first] : [first, last];
  });
}

const keyOf = ({ name, key_id }: StoredCosignature): string => `${name}+${key_id}`;
const byTime = (a: StoredCosignature, b: StoredCosignature): number => a.time - b.time;
