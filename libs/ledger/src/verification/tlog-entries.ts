import { readEvent } from '../event.js';
import { signatureHolds } from '../event-signature.js';
import type { LedgerEvent } from '../event.types.js';
import { leafHash } from '../hashes.js';
import type { FormFault } from '../ledger.errors.js';
import { EventKids } from './event-kids.js';
import type { Findings } from './findings.js';
import type { EventKeys } from './reading.js';
import type { Finding } from './report.types.js';
import type { TlogHead } from './tlog-head.js';

export interface TlogEntriesOptions {
  /** Whose events they are; not checked without it. */
  tenant: string | undefined;
  eventKeys: EventKeys;
  findings: Findings;
}

/** What an entry says about a key that signs checkpoints. */
interface KeyStatement {
  kind: 'key.retired' | 'key.compromised';
  keyId: string;
  /** Retired: no checkpoint above this size is the key's. */
  toSize: number;
  seq: number;
}

/** An entry of a bundle, with its event if it is one. */
export interface ReadEntry {
  hash: Uint8Array;
  eventId: string | undefined;
  event: LedgerEvent | undefined;
  faults: FormFault[];
}

/** Checks the entries of a log one by one: the form of the event, whose it is, and its own signature. */
export class TlogEntries {
  private readonly kids = new EventKids();
  private readonly keyStatements: KeyStatement[] = [];
  found = 0;

  constructor(private readonly options: TlogEntriesOptions) {}

  /** Reads a bundle's entries; what is wrong with them is only told by `take`. */
  read(entries: readonly Uint8Array[]): ReadEntry[] {
    return entries.map((bytes) => {
      const { event, faults } = readEvent(bytes);
      return { hash: leafHash(bytes), eventId: event?.id, event, faults };
    });
  }

  /** Takes the entries of the bundle from seq `from` on, but those that are not what was signed. */
  take(from: number, entries: readonly ReadEntry[], differing: ReadonlySet<number>): void {
    this.found += entries.length;
    for (const [i, entry] of entries.entries()) if (!differing.has(i)) this.entry(from + i, entry);
  }

  /**
   * Keys of events that are not known, and a checkpoint whose every key the log itself says was not valid for it:
   * retired below its size, or compromised (design/ledger.md, Keys).
   */
  keyFindings({ verified, origin, size }: TlogHead): Finding[] {
    const own = verified.filter(({ key }) => key.algorithm === 'ed25519' && key.name === origin);
    const refused = own.map(({ key }) => this.refusalOf(key.keyId, size));
    const valid = own.length === 0 || refused.includes(undefined);
    const findings = this.kids.findings();
    const against = refused.find((statement) => statement !== undefined);
    if (valid || against === undefined) return findings;
    const reason = `${against.kind} at seq ${against.seq} is about the key ${against.keyId} of the checkpoint of size ${size}`;
    return [...findings, { class: 'key_not_valid_then', checkpoint: size, reason }];
  }

  private refusalOf(keyId: string, size: number): KeyStatement | undefined {
    return this.keyStatements.find(
      (statement) => statement.keyId === keyId && (statement.kind === 'key.compromised' || size > statement.toSize),
    );
  }

  private entry(seq: number, { event, faults }: ReadEntry): void {
    const { findings, tenant } = this.options;
    if (event === undefined) return findings.addFormFaults({ total: 1, first: [{ seq, faults }] });
    if (tenant !== undefined && event.scope.tenant !== tenant) {
      const foreign = [{ pointer: '/scope/tenant', expected: tenant }];
      findings.addFormFaults({ total: 1, first: [{ seq, faults: foreign }] });
    }
    this.checkSignature(seq, event);
    this.noteKey(seq, event);
  }

  private checkSignature(seq: number, event: LedgerEvent): void {
    if (event.sig === undefined) return;
    const { kid } = event.sig;
    const key = this.options.eventKeys.get(kid);
    this.kids.add({ kid, known: key !== undefined, from: seq, to: seq, count: 1 });
    if (key === undefined || signatureHolds(event, key)) return;
    const reason = `the event's own signature by ${kid} does not hold`;
    this.options.findings.add({ class: 'edited', seq, event_id: event.id, field: 'sig', reason });
  }

  private noteKey(seq: number, { kind, data }: LedgerEvent): void {
    if (kind !== 'key.retired' && kind !== 'key.compromised') return;
    const { key_id: keyId, purpose, ledger, to_size: toSize } = (data ?? {}) as Record<string, unknown>;
    if (purpose !== 'note' || typeof keyId !== 'string') return;
    if (ledger !== undefined && ledger !== this.options.tenant) return;
    this.keyStatements.push({ kind, keyId, toSize: typeof toSize === 'number' ? toSize : 0, seq });
  }
}
