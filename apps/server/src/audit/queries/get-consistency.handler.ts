import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { consistencyProofFrom, verifyConsistency } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { PublishedTrees, type PublishedTree } from '../tiles/published-trees.js';
import { GetConsistency, type Consistency } from './get-consistency.query.js';
import { provenOrContradicted } from './proven.js';

@QueryHandler(GetConsistency)
export class GetConsistencyHandler implements IQueryHandler<GetConsistency> {
  constructor(private readonly trees: PublishedTrees) {}

  async execute({ tenant, from, to }: GetConsistency): Promise<Consistency> {
    if (from > to) {
      throw new AuditError('AUDIT.SIZE_INVALID', `a tree does not shrink from ${from} to ${to}`, {
        details: [{ pointer: '/from', code: 'size_too_large', detail: `expected at most ${to}` }],
      });
    }
    const [older, newer] = await Promise.all([this.trees.at(tenant, from), this.trees.at(tenant, to)]);
    const proof = await provenOrContradicted(`the trees of ${from} and ${to} entries`, async () => {
      const hashes = await consistencyProofFrom(newer.tiles, { from, to });
      verifyConsistency({ from, to, fromRoot: older.root, toRoot: newer.root, proof: hashes });
      return hashes;
    });
    return { from: shown(older), to: shown(newer), proof };
  }
}

const shown = ({ size, root, note }: PublishedTree): Consistency['from'] => ({ size, root, checkpoint: note });
