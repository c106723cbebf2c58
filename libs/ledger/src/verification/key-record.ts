import { sha256 } from '#sha256';
import { hexOf } from '../bytes.js';
import type { VerifierKey } from '../note-keys.js';
import type { PlacedStatement } from './key-statements.js';
import { SizeLog } from './size-log.js';

/**
 * Why a checkpoint of a key does not count: the key is not trusted (yet), or it is, but not for this size. Only the
 * first and the last can be nobody's fault.
 */
export type KeyFault = 'untrusted' | 'early' | 'retired' | 'compromised';

/** Checkpoints of one key that did not count when their size was reached. */
export interface SetAside {
  from: number;
  to: number;
  why: string;
}

/** All that is known of one verifier key: what the ledger says of it, and what it signed. */
export class KeyRecord {
  readonly name: string;
  /** The first of each kind in the ledger, as later ones could only widen what the first one said. */
  activated: PlacedStatement | undefined;
  retired: PlacedStatement | undefined;
  compromised: PlacedStatement | undefined;
  /** By the name of each other key: its first checkpoint that covers the activation and matches. */
  readonly covers = new Map<string, number>();
  /** Sizes of its checkpoints that counted when they were reached. */
  readonly counted = new SizeLog();
  readonly aside = new Map<KeyFault, SetAside>();
  private readonly sha256: string;
  private readonly purpose: string;

  constructor(
    readonly key: VerifierKey,
    readonly pinned: boolean,
  ) {
    this.name = `${key.name}+${key.keyId}`;
    this.sha256 = hexOf(sha256(key.publicKey));
    this.purpose = key.algorithm === 'ed25519' ? 'note' : 'cosignature';
  }

  /** Takes what an entry says, where it is about this key. */
  add(statement: PlacedStatement): void {
    const { act, purpose, keyId, publicKeySha256 } = statement;
    if (purpose !== this.purpose || (keyId !== this.key.keyId && keyId !== this.name)) return;
    if (publicKeySha256 === undefined ? act === 'activated' : publicKeySha256 !== this.sha256) return;
    if (this[act] === undefined || statement.seq < this[act].seq) this[act] = statement;
  }

  /** What an entry below `size` says of it. */
  said(act: PlacedStatement['act'], size: number): PlacedStatement | undefined {
    const statement = this[act];
    return statement !== undefined && statement.seq < size ? statement : undefined;
  }

  setAside(size: number, fault: KeyFault, why: string): void {
    const known = this.aside.get(fault);
    if (known === undefined) this.aside.set(fault, { from: size, to: size, why });
    else known.to = size;
  }
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

export const keyState = (record: KeyRecord): KeyState => ({
  name: record.name,
  ...(record.activated && { activated: record.activated }),
  ...(record.retired && { retired: record.retired }),
  ...(record.compromised && { compromised: record.compromised }),
  covers: [...record.covers],
  counted: record.counted.all(),
  aside: [...record.aside],
});
