import { hexOf } from '../bytes.js';
import type { VerifierKey } from '../note-keys.js';
import type { KidUse } from './event-kids.js';
import { KeyRecord, keyState } from './key-record.js';
import type { KeyFault, KeyState } from './key-record.js';
import type { PlacedStatement } from './key-statements.js';
import type { Finding, VerifierOptions } from './report.types.js';

/** The largest size that an independent anchor agrees with, among those it dated before the statement. */
export type AnchoredBefore = (statement: PlacedStatement) => number;

export interface TrustState {
  records: KeyState[];
  event_statements: PlacedStatement[];
}

/** Sizes over `from` and up to `to` are the key's; `why` says what bars those below. */
interface Range {
  from: number;
  to: number;
  why: string;
}

const EVERY: Range = { from: -1, to: Infinity, why: '' };
const MAX_EVENT_STATEMENTS = 1000;

/**
 * Which keys count for which sizes of the tree. Trust begins with the pinned keys (or, with none, with the ledger's
 * first); a later key is trusted once its `key.activated` is covered by a checkpoint of a key trusted already.
 */
export class KeyTrust {
  readonly records: readonly KeyRecord[];
  private readonly anyPinned: boolean;
  readonly eventStatements: PlacedStatement[] = [];

  constructor({ verifierKeys, pinned }: VerifierOptions['keys']) {
    const isPinned = (key: VerifierKey): boolean =>
      typeof pinned === 'boolean' ? pinned : pinned.includes(`${key.name}+${key.keyId}`);
    const distinct = new Map(verifierKeys.map((key) => [`${key.name}+${key.keyId}+${hexOf(key.publicKey)}`, key]));
    this.records = [...distinct.values()].map((key) => new KeyRecord(key, isPinned(key)));
    this.anyPinned = this.records.some((record) => record.pinned);
  }

  /** What an entry of the ledger says of a key; in order of seq. */
  add(statement: PlacedStatement): void {
    // An event may wait before it is appended, so that its key was retired meanwhile says nothing.
    const judged = statement.purpose === 'event' && statement.act !== 'retired';
    const keep = judged && this.eventStatements.length < MAX_EVENT_STATEMENTS;
    if (keep) this.eventStatements.push(statement);
    for (const record of this.records) record.add(statement);
  }

  state(): TrustState {
    return { records: this.records.map(keyState), event_statements: this.eventStatements };
  }

  restore({ records, event_statements }: TrustState): void {
    this.eventStatements.push(...event_statements);
    for (const { name, covers, counted, aside, ...statements } of records) {
      const record = this.records.find((one) => one.name === name);
      if (record === undefined) continue;
      Object.assign(record, statements);
      for (const [by, size] of covers) record.covers.set(by, size);
      for (const size of counted) record.counted.add(size);
      for (const [fault, sizes] of aside) record.aside.set(fault, sizes);
    }
  }

  recordOf(key: VerifierKey): KeyRecord {
    return this.records.find((record) => record.key === key) as KeyRecord;
  }

  /** Why a checkpoint of this key and size does not count, by what the ledger says below that size. */
  faultAt(record: KeyRecord, size: number): { fault: KeyFault; why: string } | undefined {
    const { from, to, why } = this.rangeAt(record, size);
    if (size <= from) return { fault: from === Infinity ? 'untrusted' : 'early', why };
    if (size > to) return { fault: 'retired', why: retiredAt(to) };
    const compromised = record.said('compromised', size);
    return compromised && { fault: 'compromised', why: compromisedSince(compromised) };
  }

  /** A checkpoint of these keys counts, and its root is that of the entries. */
  matched(signers: readonly KeyRecord[], size: number): void {
    for (const record of this.records) {
      if (record.said('activated', size) === undefined) continue;
      for (const { name, key } of signers) {
        const covers = key.algorithm === 'ed25519' && name !== record.name && !record.covers.has(name);
        if (covers) record.covers.set(name, size);
      }
    }
  }

  /** The largest size that a checkpoint counts for when all is known; 0 for none. */
  newest(anchored: AnchoredBefore): number {
    return Math.max(0, ...this.noteRecords().map((record) => this.newestOf(record, anchored)));
  }

  /** Whether any of these keys counts for this size when all is known. */
  counts(signers: readonly KeyRecord[], size: number, anchored: AnchoredBefore): boolean {
    return signers.some((record) => record.key.algorithm === 'ed25519' && this.countsFinally(record, size, anchored));
  }

  /** Why what this key signed, when the tree had at least this size, does not count; undefined where it does. */
  faultLater(name: string, size: number, anchored: AnchoredBefore): { fault: KeyFault; why: string } | undefined {
    const record = this.records.find((one) => one.name === name);
    if (record === undefined) return { fault: 'untrusted', why: 'the key is not known' };
    const { from, to, why } = this.finalRange(record, anchored, []);
    if (from === Infinity) return { fault: 'untrusted', why };
    if (size > to) return { fault: 'retired', why: retiredAt(to) };
    return record.compromised && { fault: 'compromised', why: compromisedSince(record.compromised) };
  }

  findings(uses: readonly KidUse[], anchored: AnchoredBefore): Finding[] {
    const newest = this.newest(anchored);
    const notes = this.noteRecords().flatMap((record) => this.findingsOf(record, newest, anchored));
    return [...notes, ...this.eventStatements.flatMap((statement) => eventKeyFindings(statement, uses))];
  }

  private noteRecords(): KeyRecord[] {
    return this.records.filter(({ key }) => key.algorithm === 'ed25519');
  }

  private rangeAt(record: KeyRecord, size: number, covers: ReadonlyMap<string, number> = record.covers): Range {
    const activated = record.said('activated', size);
    const to = record.said('retired', size)?.size ?? Infinity;
    const first = activated === undefined || activated.size === 0;
    if (first && (record.pinned || !this.anyPinned)) return { ...EVERY, to };
    if (activated === undefined) return { from: Infinity, to, why: 'the key is not pinned, and no entry activates it' };
    if (record.pinned) return { from: activated.seq, to, why: `entry ${activated.seq} activates the key` };
    const covered = Math.min(...[...covers.values()].filter((at) => at <= size), Infinity);
    if (covered === Infinity) {
      const why = `no checkpoint of a trusted key covers entry ${activated.seq}, which activates the key`;
      return { from: Infinity, to, why };
    }
    // The ledger's first key, vouched for by a later one that is pinned, was good from the beginning.
    if (first) return { ...EVERY, to };
    return { from: covered, to, why: `the key's activation is first covered by the checkpoint of size ${covered}` };
  }

  /** With everything known, and without what was covered by keys that turned out not to count. */
  private finalRange(record: KeyRecord, anchored: AnchoredBefore, seen: readonly KeyRecord[]): Range {
    const sound = [...(record.pinned ? [] : record.covers)].filter(([name, at]) => {
      const by = this.records.find((other) => other.name === name) as KeyRecord;
      return !seen.includes(by) && this.countsFinally(by, at, anchored, [...seen, record]);
    });
    return this.rangeAt(record, Infinity, new Map(sound));
  }

  private countsFinally(
    record: KeyRecord,
    size: number,
    anchored: AnchoredBefore,
    seen: readonly KeyRecord[] = [],
  ): boolean {
    const { from, to } = this.finalRange(record, anchored, seen);
    return size > from && size <= Math.min(to, datedUpTo(record, anchored));
  }

  private newestOf(record: KeyRecord, anchored: AnchoredBefore): number {
    const { from, to } = this.finalRange(record, anchored, []);
    const limit = Math.min(to, datedUpTo(record, anchored));
    const vouchedLater = from < 0 ? (record.aside.get('untrusted')?.to ?? 0) : 0;
    return Math.max(record.counted.newestWithin(from, limit) ?? 0, vouchedLater <= limit ? vouchedLater : 0);
  }

  private findingsOf(record: KeyRecord, newest: number, anchored: AnchoredBefore): Finding[] {
    const { from, to, why } = this.finalRange(record, anchored, []);
    const { aside, counted, compromised } = record;
    const last = counted.last ?? -1;
    const faults: [KeyFault, number, number, string][] = [];
    for (const [fault, { from: first, to: end, why: reason }] of aside) {
      if (fault === 'compromised') continue;
      if (fault !== 'untrusted' || from === Infinity) faults.push([fault, first, end, reason]);
      else if (first <= from) faults.push(['early', first, Math.min(end, from), why]);
    }
    if (counted.first !== undefined && counted.first <= from) {
      faults.push([from === Infinity ? 'untrusted' : 'early', counted.first, Math.min(from, last), why]);
    }
    if (last > to) faults.push(['retired', to + 1, last, retiredAt(to)]);
    const end = Math.max(last, aside.get('compromised')?.to ?? -1);
    const good = Math.max(datedUpTo(record, anchored), newest);
    if (compromised !== undefined && end > good) {
      faults.push(['compromised', good + 1, end, `${compromisedSince(compromised)}, and no anchor dated them earlier`]);
    }
    return faults.map(([fault, first, end_, reason]) => keyFinding(record, fault, { first, last: end_, reason }));
  }
}

function keyFinding(
  { name, activated }: KeyRecord,
  fault: KeyFault,
  { first, last, reason }: { first: number; last: number; reason: string },
): Finding {
  const sizes = first === last ? `the checkpoint of size ${last}` : `checkpoints of sizes ${first} to ${last}`;
  return {
    class: fault === 'untrusted' && activated === undefined ? 'key_unknown' : 'key_not_valid_then',
    checkpoint: last,
    verdict: fault === 'early' || fault === 'retired' ? 'inconsistent' : 'cannot_check',
    reason: `${name} signed ${sizes}, and they do not count: ${reason}`,
  };
}

/** Signatures of single events outside the range that the ledger gives their key. */
function eventKeyFindings({ act, keyId, size }: PlacedStatement, uses: readonly KidUse[]): Finding[] {
  return uses
    .filter(({ kid }) => kid === keyId)
    .filter(({ from, to }) => (act === 'activated' ? from < size : to >= size))
    .map(({ from, to }) => ({
      class: 'key_not_valid_then',
      ...(act === 'activated' ? { from, to: Math.min(to, size - 1) } : { from: Math.max(from, size), to }),
      field: 'sig',
      verdict: act === 'compromised' ? 'cannot_check' : 'inconsistent',
      reason: `events are signed by ${keyId}, a key that the ledger has ${act} ${act === 'compromised' ? 'since' : 'at'} size ${size}`,
    }));
}

/** Under a compromise, only what an anchor dated earlier. */
const datedUpTo = ({ compromised }: KeyRecord, anchored: AnchoredBefore): number =>
  compromised === undefined ? Infinity : anchored(compromised);

const retiredAt = (size: number): string => `the ledger retires the key at size ${size}`;
const compromisedSince = ({ size }: PlacedStatement): string => `the key is compromised since size ${size}`;
