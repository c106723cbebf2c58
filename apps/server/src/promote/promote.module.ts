import { Module, type OnModuleInit } from '@nestjs/common';
import { Outboxes } from '#libs/mongo';
import { FileArchive } from './file-archive.js';
import { PromoteJobHandler } from './commands/promote-job.handler.js';
import { PutTargetHandler } from './commands/put-target.handler.js';
import { PromoteController } from './http/promote.controller.js';
import { GetPromotionHandler } from './queries/get-promotion.handler.js';
import { PROMOTIONS, PromotionStore } from './storage/promotion.store.js';

@Module({
  controllers: [PromoteController],
  providers: [FileArchive, PromotionStore, PromoteJobHandler, PutTargetHandler, GetPromotionHandler],
})
export class PromoteModule implements OnModuleInit {
  constructor(private readonly outboxes: Outboxes) {}

  onModuleInit(): void {
    this.outboxes.aggregate(PROMOTIONS);
  }
}
