import type { FormFault } from '../ledger.errors.js';
import type { Finding } from './report.types.js';

export const MAX_FORM_FAULTS = 100;
const MAX_BREAKS = 1000;

/** Findings that say nothing about the store's truth. */
export const CANNOT_CHECK: readonly Finding['class'][] = ['key_unknown', 'cannot_read'];

export const saysNothing = ({ class: kind, verdict }: Finding): boolean =>
  verdict === undefined ? CANNOT_CHECK.includes(kind) : verdict === 'cannot_check';

export interface FormFaults {
  total: number;
  /** At most 100, in order of place. */
  first: { seq: number; faults: FormFault[] }[];
}

/** What was found so far: everything is counted, no more than asked for is kept. */
export class Findings {
  readonly breaks: Finding[] = [];
  total = 0;
  /** Also when the breaks that say so are not among those kept. */
  broken = false;
  readonly formFaults: FormFaults = { total: 0, first: [] };

  constructor(private readonly maxBreaks = MAX_BREAKS) {}

  add(finding: Finding): void {
    this.total += 1;
    this.broken ||= !saysNothing(finding);
    if (this.breaks.length < this.maxBreaks) this.breaks.push(finding);
  }

  addFormFaults({ total, first }: FormFaults): void {
    this.formFaults.total += total;
    this.formFaults.first.push(...first.slice(0, MAX_FORM_FAULTS - this.formFaults.first.length));
  }
}
