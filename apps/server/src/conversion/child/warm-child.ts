import type { ChildLauncher } from './child.launcher.js';
import type { ConversionChild } from './child.process.js';

/** Keeps one child started ahead, so that whoever needs one does not wait for the runtime to load. Each is used once. */
export class WarmChild {
  private next: Promise<ConversionChild> | undefined;

  constructor(private readonly launcher: ChildLauncher) {}

  warm(): void {
    const next = (this.next ??= this.launcher.start());
    // The failure is told to whoever has taken it already; whoever comes later starts anew.
    next.catch(() => {
      if (this.next === next) this.next = undefined;
    });
  }

  /** A child that is alive; the next one is started. To be discarded by the caller. */
  async take(): Promise<ConversionChild> {
    const taken = this.next ?? this.launcher.start();
    this.next = undefined;
    const child = await taken;
    this.warm();
    if (child.alive) return child;
    await this.launcher.discard(child);
    return this.launcher.start();
  }
}
