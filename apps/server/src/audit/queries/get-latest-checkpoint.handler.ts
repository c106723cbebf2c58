import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { verifierKeyText } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { GetLatestCheckpoint, type LatestCheckpoint } from './get-latest-checkpoint.query.js';

@QueryHandler(GetLatestCheckpoint)
export class GetLatestCheckpointHandler implements IQueryHandler<GetLatestCheckpoint> {
  constructor(
    private readonly checkpoints: Checkpoints,
    private readonly keys: AuditKeys,
  ) {}

  async execute({ tenant }: GetLatestCheckpoint): Promise<LatestCheckpoint> {
    const newest = await this.checkpoints.newest(tenant);
    if (!newest) throw new AuditError('AUDIT.CHECKPOINT_NOT_FOUND', `nothing of ${tenant} is signed yet`);
    const { origin, size, root, note, signed_at } = newest;
    return {
      tenant,
      origin,
      size,
      root: Buffer.from(root).toString('base64'),
      note,
      verifier_key: verifierKeyText(this.keys.verifierKeys(tenant, origin).at(-1)!),
      signed_at: signed_at.toISOString(),
    };
  }
}
