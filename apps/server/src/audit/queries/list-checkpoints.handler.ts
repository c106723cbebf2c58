import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { signedNoteOf, type StoredCheckpoint } from '../domain/stored-checkpoint.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { ListCheckpoints, type CheckpointPage, type ListedCheckpoint } from './list-checkpoints.query.js';

@QueryHandler(ListCheckpoints)
export class ListCheckpointsHandler implements IQueryHandler<ListCheckpoints> {
  constructor(private readonly checkpoints: Checkpoints) {}

  async execute({ tenant, limit, before_size }: ListCheckpoints): Promise<CheckpointPage> {
    const found = await this.checkpoints.page(tenant, { before_size, limit });
    const last = found.length === limit ? found.at(-1) : undefined;
    return { checkpoints: found.map(listed), ...(last && { next_before_size: last.size }) };
  }
}

function listed(checkpoint: StoredCheckpoint): ListedCheckpoint {
  const { size, root, signed_at, keep } = checkpoint;
  return {
    size,
    root: Buffer.from(root).toString('base64'),
    note: signedNoteOf(checkpoint),
    signed_at: signed_at.toISOString(),
    keep,
  };
}
