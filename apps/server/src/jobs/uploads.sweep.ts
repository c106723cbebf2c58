import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { MongoStore } from '#libs/mongo';
import { SweepUploads } from './commands/sweep-uploads.command.js';

/** No upload lasts so long: the server ends a request that has not arrived after half of it. */
const ABANDONED_AFTER_MS = 3_600_000;
const EVERY_MS = 600_000;

/** Removes what uploads that a crash ended have left in the object store: at start, then every ten minutes. */
@Injectable()
export class UploadsSweep implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly store: MongoStore,
    private readonly commands: CommandBus,
  ) {}

  /** The embedded engine serves one process: whatever is marked when it starts was left by one that is gone. */
  async onApplicationBootstrap(): Promise<void> {
    await this.sweep(this.store.embedded ? 0 : ABANDONED_AFTER_MS);
    this.timer = setInterval(() => void (this.running = this.sweep(ABANDONED_AFTER_MS)), EVERY_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  /** What cannot be swept now is swept later. */
  private async sweep(ageMs: number): Promise<void> {
    await this.commands.execute(new SweepUploads(ageMs)).catch(() => undefined);
  }
}
