import { EventKids } from './event-kids.js';
import type { Findings } from './findings.js';
import type { FieldFault, Reading } from './reading.js';
import type { Break } from './report.types.js';

/** What is wrong with an entry whose place in the chain is settled: its fields, its event's form and signature. */
export class EntryFaults {
  readonly kids = new EventKids();

  constructor(private readonly findings: Findings) {}

  /**
   * Faults of the fields beside bytes and hashes. `bytesHold`: the bytes are those of the chain, so columns, form and
   * signature can be held to them. `renumbered`: entries before it were put in or taken out, and its `_id` went along.
   */
  add(seq: number, reading: Reading, { bytesHold, renumbered }: { bytesHold: boolean; renumbered: boolean }): void {
    const { placeFaults, columnFaults, formFaults, idSeq } = reading;
    const spared = renumbered && idSeq === seq;
    this.addFields(
      seq,
      reading,
      placeFaults.filter(({ field }) => field !== '_id' || !spared),
    );
    if (!bytesHold) return;
    this.addFields(seq, reading, columnFaults, 'index_mismatch');
    this.addSignature(seq, reading);
    if (formFaults.length > 0) this.findings.addFormFaults({ total: 1, first: [{ seq, faults: formFaults }] });
  }

  addFields(seq: number, reading: Reading, faults: readonly FieldFault[], kind: Break['class'] = 'edited'): void {
    for (const fault of faults) {
      const reason = `${fault.field} is not what the ${fault.field === 'chain_hash' ? 'chain' : 'bytes and the place'} say`;
      this.findings.add({ class: kind, seq, ...eventId(reading), ...fault, reason });
    }
  }

  private addSignature(seq: number, reading: Reading): void {
    const { signature } = reading;
    if (signature === undefined) return;
    const { kid, fault } = signature;
    this.kids.add({ kid, known: fault !== 'unknown_key', from: seq, to: seq, count: 1 });
    if (fault !== 'does_not_hold') return;
    const reason = `the event's own signature by ${kid} does not hold`;
    this.findings.add({ class: 'edited', seq, ...eventId(reading), field: 'sig', reason });
  }
}

export const eventId = ({ eventId: id }: Reading): { event_id?: string } => (id === undefined ? {} : { event_id: id });
