import { ArrayMinSize, ArrayUnique, IsIn, IsOptional } from 'class-validator';
import { stateOf, namesIn } from '../domain/promotion.js';
import { TARGETS, type Promotion, type TargetName } from '../promote.types.js';

export class PromoteJobDto {
  /** What to put; all there is when absent. */
  @IsOptional() @ArrayMinSize(1) @ArrayUnique() @IsIn(TARGETS, { each: true }) targets?: TargetName[];
}

export type PromotionResource = ReturnType<typeof promotionResource>;

export function promotionResource({ id, job_id, targets, created_at, updated_at }: Promotion) {
  return {
    id,
    job_id,
    state: stateOf(targets),
    targets: namesIn(targets).map((name) => {
      const { state, bytes, sha256, archive_name, promoted_at, error_name } = targets[name]!;
      return {
        name,
        state,
        bytes,
        sha256,
        archive_name,
        promoted_at: promoted_at?.toISOString() ?? null,
        error_name: error_name ?? null,
      };
    }),
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
  };
}
