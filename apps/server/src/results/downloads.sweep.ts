import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { MongoStore } from '#libs/mongo';
import { Settings } from '../settings.js';
import { SweepDownloads } from './commands/sweep-downloads.command.js';

const EVERY_MS = 600_000;

/** Ends downloads that a crash left without an outcome: at start, then every ten minutes. */
@Injectable()
export class DownloadsSweep implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly store: MongoStore,
    private readonly settings: Settings,
    private readonly commands: CommandBus,
  ) {}

  /** The embedded engine serves one process: whatever is open when it starts was left by one that is gone. */
  async onApplicationBootstrap(): Promise<void> {
    await this.sweep(this.store.embedded ? 0 : this.abandonedAfterMs);
    this.timer = setInterval(() => void (this.running = this.sweep(this.abandonedAfterMs)), EVERY_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  /** Twice as long as a download may take: its own process has recorded the outcome long before. */
  private get abandonedAfterMs(): number {
    return 2 * this.settings.results.timeoutMs + 60_000;
  }

  /** What cannot be swept now is swept later. */
  private async sweep(ageMs: number): Promise<void> {
    await this.commands.execute(new SweepDownloads(ageMs)).catch(() => undefined);
  }
}
