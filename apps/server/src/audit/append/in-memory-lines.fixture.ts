import type { AppendLines, Line, LineChange } from '../storage/append-lines.store.js';

/** The lines of a store that never fails unless told to. */
export class InMemoryLines implements Pick<AppendLines, 'change' | 'lines'> {
  failing = false;
  private readonly byTenant = new Map<string, Line>();

  async change(changes: readonly LineChange[]): Promise<void> {
    if (this.failing) throw new Error('the store is away');
    for (const change of changes) {
      const line = this.byTenant.get(change.tenant) ?? { tenant: change.tenant, turn: 0, writers: [], head: undefined };
      this.byTenant.set(change.tenant, changed(line, change));
    }
  }

  async lines(tenants: readonly string[]): Promise<Line[]> {
    if (this.failing) throw new Error('the store is away');
    return tenants.flatMap((tenant) => this.byTenant.get(tenant) ?? []);
  }

  writersOf(tenant: string): readonly string[] {
    return this.byTenant.get(tenant)?.writers ?? [];
  }
}

function changed(line: Line, change: LineChange): Line {
  if ('joins' in change) return { ...line, writers: [...new Set([...line.writers, change.joins])] };
  const without = (writer: string): string[] => line.writers.filter((each) => each !== writer);
  if ('leaves' in change) return { ...line, writers: without(change.leaves) };
  if (change.turn !== line.turn) return line;
  return { ...line, turn: line.turn + 1, writers: without(change.ends), head: change.head };
}
