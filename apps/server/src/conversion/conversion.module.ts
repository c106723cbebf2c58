import {
  type BeforeApplicationShutdown,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { join } from 'node:path';
import { Outboxes } from '#libs/mongo';
import type { ObjectStore } from '#libs/object-store';
import { Log } from '#libs/telemetry';
import { SealEvents } from '../audit/index.js';
import { Settings } from '../settings.js';
import { OBJECT_STORE } from '../tokens.js';
import { ChildLauncher } from './child/child.launcher.js';
import { driverInfo } from './child/driver-info.js';
import { WarmChild } from './child/warm-child.js';
import { CancelTaskHandler } from './commands/cancel-task.handler.js';
import { CreateTaskHandler } from './commands/create-task.handler.js';
import { PreflightModelHandler } from './commands/preflight-model.handler.js';
import { DRIVER } from './driver/driver.types.js';
import { GetTaskOutcomeHandler } from './queries/get-task-outcome.handler.js';
import { GetTaskProgressHandler } from './queries/get-task-progress.handler.js';
import { CreateTaskWhenJobSubmitted } from './reactions/create-task-when-job-submitted.js';
import { TASKS, TaskStore } from './storage/task.store.js';
import { ConversionWorkers } from './worker/conversion-workers.js';
import { TaskBell } from './worker/task-bell.js';
import { TaskQueue } from './worker/task-queue.js';

@Module({
  providers: [
    TaskStore,
    TaskBell,
    { provide: ChildLauncher, inject: [Settings], useFactory: launcher },
    { provide: WarmChild, inject: [ChildLauncher], useFactory: (from: ChildLauncher) => new WarmChild(from) },
    { provide: TaskQueue, inject: [TaskStore, Settings, CommandBus, Outboxes], useFactory: queue },
    {
      provide: ConversionWorkers,
      inject: [TaskStore, TaskQueue, TaskBell, ChildLauncher, OBJECT_STORE, Settings, Log],
      useFactory: workers,
    },
    CreateTaskHandler,
    CancelTaskHandler,
    PreflightModelHandler,
    GetTaskProgressHandler,
    GetTaskOutcomeHandler,
    CreateTaskWhenJobSubmitted,
  ],
})
export class ConversionModule implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(
    private readonly settings: Settings,
    private readonly outboxes: Outboxes,
    private readonly launcher: ChildLauncher,
    private readonly warm: WarmChild,
    private readonly workers: ConversionWorkers,
    @Inject(Log) private readonly log: Log,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { roles } = this.settings;
    this.outboxes.aggregate(TASKS);
    await this.launcher.sweep();
    if (roles.includes('api')) this.warm.warm();
    if (!roles.includes('worker')) return;
    this.workers.start();
    void this.tellDriver(); // what it says decides nothing: nobody waits for it
  }

  /** One line, with what the driver says of itself in a child as conversions have it. */
  private async tellDriver(): Promise<void> {
    const info = await driverInfo(this.launcher, DRIVER).catch(() => null);
    if (!info) return this.log.warn('conversion.driver_silent', { driver: DRIVER });
    const { id, version, platforms, network_isolated } = info;
    const status = network_isolated ? 'network_isolated' : 'network_not_isolated';
    const fields = { driver: `${id} ${version}`, platform: platforms.join(' '), status };
    if (network_isolated) this.log.info('conversion.driver', fields);
    else this.log.warn('conversion.driver', fields);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.workers.stop();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.launcher.close();
  }
}

function launcher({ dataDir }: Settings): ChildLauncher {
  return new ChildLauncher(join(dataDir, 'scratch'));
}

function queue(store: TaskStore, { conversion }: Settings, commands: CommandBus, outboxes: Outboxes): TaskQueue {
  const ports = {
    seal: (drafts: ConstructorParameters<typeof SealEvents>[0]) => commands.execute(new SealEvents(drafts)),
    drain: (id: string) => outboxes.drain(TASKS, id).catch(() => undefined), // told by the outboxes; the relay goes on
  };
  const { leaseMs, maxAttempts } = conversion;
  return new TaskQueue(store, ports, { leaseMs, maxAttempts, random: Math.random });
}

function workers(
  store: TaskStore,
  queue: TaskQueue,
  bell: TaskBell,
  launcher: ChildLauncher,
  objects: ObjectStore,
  { conversion }: Settings,
  log: Log,
): ConversionWorkers {
  const { workers, leaseMs, heartbeatMs, timeLimitMs, memoryLimitBytes, cpus, verdict } = conversion;
  return new ConversionWorkers({
    store,
    queue,
    bell,
    launcher,
    objects,
    log,
    workers,
    times: { leaseMs, heartbeatMs },
    limits: { timeMs: timeLimitMs, memoryBytes: memoryLimitBytes, cpus },
    verdict,
  });
}
