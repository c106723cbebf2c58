import { Inject } from '@nestjs/common';
import { CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { codeOf } from '#libs/kernel';
import { Outboxes } from '#libs/mongo';
import type { ObjectStore } from '#libs/object-store';
import { SealEvents } from '../../audit/index.js';
import { OBJECT_STORE } from '../../tokens.js';
import { FileArchive } from '../file-archive.js';
import { promotionEvent } from '../domain/promotion.js';
import { FAAError } from '../faa/faa.errors.js';
import { PromoteError } from '../promote.errors.js';
import type { Target } from '../promote.types.js';
import { PROMOTIONS, PromotionStore } from '../storage/promotion.store.js';
import { PutTarget } from './put-target.command.js';

@CommandHandler(PutTarget)
export class PutTargetHandler implements ICommandHandler<PutTarget> {
  constructor(
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly archive: FileArchive,
    private readonly promotions: PromotionStore,
    private readonly outboxes: Outboxes,
    private readonly commands: CommandBus,
  ) {}

  async execute(command: PutTarget): Promise<void> {
    const target = command.promotion.targets[command.name]!;
    try {
      const { created } = await this.put(target);
      // If the process dies here, the archive has the file and a repeated put is no change to it.
      const done = { ...target, state: 'success', promoted_at: new Date() } as const;
      await this.settled(command, 'promote.success', done, { already_there: !created });
    } catch (error) {
      if (error instanceof FAAError) {
        const failed = { ...target, state: 'failed', error_name: error.name } as const;
        await this.settled(command, 'promote.faa_put_failed', failed, { error_name: error.name });
      } else if (error instanceof PromoteError) {
        const failed = { ...target, state: 'failed', error_name: 'StorageUnavailableError' } as const;
        const error_code = codeOf(error.cause);
        await this.settled(command, 'promote.storage_failed', failed, { error_code });
      }
      throw error;
    }
  }

  /** What the object store fails with comes out of the client as it is. */
  private async put({ archive_name, object_key, bytes, sha256 }: Target): Promise<{ created: boolean }> {
    const open = async () => (await this.objects.get(object_key)).body;
    try {
      return await this.archive.put({ name: archive_name, open, bytes, sha256 });
    } catch (error) {
      if (error instanceof FAAError || error instanceof PromoteError) throw error;
      throw new PromoteError('PROMOTE.STORAGE_UNAVAILABLE', 'the file to promote could not be read', { cause: error });
    }
  }

  private async settled(
    { requester, promotion, name }: PutTarget,
    kind: string,
    target: Target,
    said: Record<string, unknown>,
  ): Promise<void> {
    const data = { target: name, sha256: target.sha256, size_bytes: target.bytes, ...said };
    const events = await this.commands.execute(new SealEvents([promotionEvent(kind, promotion, requester, data)]));
    await this.promotions.settle(promotion, name, target, events, new Date());
    await this.outboxes.drain(PROMOTIONS, promotion.id).catch(() => undefined); // told by the outboxes; the relay goes on
  }
}
