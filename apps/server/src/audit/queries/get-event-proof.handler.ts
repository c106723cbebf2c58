import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { hasCode } from '#libs/kernel';
import { inclusionProofFrom, leafHash, verifyInclusion } from '#libs/ledger';
import { TieredEvents } from '../tiers/tiered-events.js';
import { AuditError, type AuditErrorCode } from '../audit.errors.js';
import { PublishedTrees, type PublishedTree } from '../tiles/published-trees.js';
import { GetEventProof, type EventProof } from './get-event-proof.query.js';
import { placedEvent } from './placed-event.js';
import { provenOrContradicted } from './proven.js';

@QueryHandler(GetEventProof)
export class GetEventProofHandler implements IQueryHandler<GetEventProof> {
  constructor(
    private readonly entries: TieredEvents,
    private readonly trees: PublishedTrees,
  ) {}

  async execute({ tenant, id, size: asked }: GetEventProof): Promise<EventProof> {
    const { seq, bytes } = await placedEvent(this.entries, tenant, id);
    const { size, root, note, tiles } =
      asked === undefined ? await this.newestOver(tenant, seq) : await this.askedOver(tenant, seq, asked);
    const leaf = leafHash(bytes);
    const proof = await provenOrContradicted(`the event at seq ${seq} at size ${size}`, async () => {
      const hashes = await inclusionProofFrom(tiles, { index: seq, size });
      verifyInclusion({ leafHash: leaf, index: seq, size, proof: hashes, root });
      return hashes;
    });
    return { event_id: id, seq, bytes, leafHash: leaf, size, root, proof, checkpoint: note };
  }

  private async newestOver(tenant: string, seq: number): Promise<PublishedTree> {
    const tree = await this.trees.newest(tenant).catch((error: unknown) => {
      if (!hasCode<AuditErrorCode>(error, 'AUDIT.CHECKPOINT_NOT_FOUND')) throw error;
      return undefined;
    });
    if (tree && tree.size > seq) return tree;
    throw new AuditError(
      'AUDIT.EVENT_NOT_COVERED',
      `the event stands at seq ${seq}, the published checkpoint covers ${tree?.size ?? 0} entries: ask again`,
    );
  }

  private async askedOver(tenant: string, seq: number, size: number): Promise<PublishedTree> {
    const tree = await this.trees.at(tenant, size);
    if (tree.size > seq) return tree;
    throw new AuditError('AUDIT.SIZE_INVALID', `the event stands at seq ${seq}, a tree of ${size} does not have it`, {
      details: [{ pointer: '/size', code: 'size_too_small', detail: `expected a size above ${seq}` }],
    });
  }
}
