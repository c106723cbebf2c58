import { Type } from 'class-transformer';
import { IsIn, IsInt, IsISO8601, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { PLATFORMS } from '../../conversion/index.js';
import { EXTERNAL_STATUSES } from '../domain/job.js';
import type { JobListFilter } from '../queries/list-jobs.query.js';
import { OUTSIDE_ID, OUTSIDE_ID_RULE } from './submit-job.dto.js';

export class ListJobsDto {
  @IsOptional() @IsIn([...EXTERNAL_STATUSES, 'in_progress']) status?: NonNullable<JobListFilter['status']>;
  @IsOptional() @IsIn(PLATFORMS) platform?: NonNullable<JobListFilter['platform']>;
  @IsOptional() @Matches(OUTSIDE_ID, OUTSIDE_ID_RULE) user_id?: string;
  @IsOptional() @IsString() @MaxLength(63) label?: string;
  /** At or after. */
  @IsOptional() @IsISO8601({ strict: true }) created_after?: string;
  /** Before, not at. */
  @IsOptional() @IsISO8601({ strict: true }) created_before?: string;
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(100) limit?: number;
  @IsOptional() @IsString() @MaxLength(200) cursor?: string;
}

export function listFilter(dto: ListJobsDto): JobListFilter {
  const { status, platform, user_id, label, created_after, created_before } = dto;
  return {
    ...(status && { status }),
    ...(platform !== undefined && { platform }),
    ...(user_id !== undefined && { user_id }),
    ...(label !== undefined && { label }),
    ...(created_after !== undefined && { created_after: new Date(created_after) }),
    ...(created_before !== undefined && { created_before: new Date(created_before) }),
  };
}
