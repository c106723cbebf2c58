const WINDOW_MS = 3_600_000;
const MOST = 10_000;

/** Which refusals were told within the hour. Per process and in memory: a restart tells one more. */
export class Refusals {
  private readonly told = new Map<string, number>();

  /** True the first time in the key's hour. Forgets the oldest beyond 10,000 keys. */
  isFirst(key: string, now: number): boolean {
    const before = this.told.get(key);
    if (before !== undefined && now - before < WINDOW_MS) return false;
    this.told.delete(key);
    this.told.set(key, now);
    if (this.told.size > MOST) this.told.delete(this.told.keys().next().value!);
    return true;
  }
}
