import type { Finding } from './report.types.js';

/** The events signed under one `kid`, and whether its key is known. */
export interface KidUse {
  kid: string;
  known: boolean;
  from: number;
  to: number;
  count: number;
}

/** Which keys signed events, and where: one record for each key, however many events it signed. */
export class EventKids {
  private readonly uses = new Map<string, KidUse>();

  add(use: KidUse): void {
    const known = this.uses.get(use.kid);
    if (known === undefined) {
      this.uses.set(use.kid, { ...use });
    } else {
      known.from = Math.min(known.from, use.from);
      known.to = Math.max(known.to, use.to);
      known.count += use.count;
    }
  }

  /** In order of first use. */
  all(): KidUse[] {
    return [...this.uses.values()];
  }

  findings(): Finding[] {
    return this.all()
      .filter(({ known }) => !known)
      .map(({ kid, from, to, count }) => ({
        class: 'key_unknown',
        ...(from === to ? { seq: from } : { from, to }),
        field: 'sig',
        reason: `${count} events are signed by ${kid}, a key that is not known`,
      }));
  }
}
