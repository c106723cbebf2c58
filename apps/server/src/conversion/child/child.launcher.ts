import { networkIsolation } from './isolation.js';
import { ConversionChild } from './child.process.js';
import { Scratch } from './scratch.js';

/** Starts children on this machine, each in a folder of its own. */
export class ChildLauncher {
  private readonly scratch: Scratch;
  private isolation: Promise<readonly string[]> | undefined;
  private readonly running = new Set<ConversionChild>();
  private readonly starting = new Set<Promise<ConversionChild>>();
  private closed = false;

  /** `root` is made when the first child starts. */
  constructor(root: string) {
    this.scratch = new Scratch(root);
  }

  /** Rejects once the launcher is closed. */
  async start(): Promise<ConversionChild> {
    if (this.closed) throw new Error('no child is started any more: the launcher is closed');
    const start = this.started();
    this.starting.add(start);
    return start.finally(() => this.starting.delete(start));
  }

  async discard(child: ConversionChild): Promise<void> {
    await child.discard();
    this.running.delete(child);
  }

  /** Removes what killed processes left. */
  async sweep(): Promise<void> {
    await this.scratch.sweep();
  }

  /** Ends every child and removes its folder. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled(this.starting);
    await Promise.all([...this.running].map((child) => this.discard(child)));
    await this.scratch.close();
  }

  private async started(): Promise<ConversionChild> {
    const [isolation, folder] = [await this.words(), await this.scratch.open()];
    const child = new ConversionChild(folder, isolation);
    this.running.add(child);
    return child;
  }

  private words(): Promise<readonly string[]> {
    return (this.isolation ??= networkIsolation());
  }
}
