import type { Finding } from './report.types.js';

/** Signed events whose key nobody gave: one finding for each key, however many events it signed. */
export class UnknownKids {
  private readonly places = new Map<string, { from: number; to: number; count: number }>();

  add(kid: string, seq: number): void {
    const known = this.places.get(kid);
    if (known === undefined) {
      this.places.set(kid, { from: seq, to: seq, count: 1 });
    } else {
      known.from = Math.min(known.from, seq);
      known.to = Math.max(known.to, seq);
      known.count += 1;
    }
  }

  findings(): Finding[] {
    return [...this.places].map(([kid, { from, to, count }]) => ({
      class: 'key_unknown',
      ...(from === to ? { seq: from } : { from, to }),
      field: 'sig',
      reason: `${count} events are signed by ${kid}, a key that is not known`,
    }));
  }
}
