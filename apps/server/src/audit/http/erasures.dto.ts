import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, IsUUID, Length, Matches, Max, Min } from 'class-validator';
import { TENANT_PATTERN } from '#libs/ledger';
import { ERASURE_REASONS, type ErasureReason } from '../erasure/erasure.types.js';

/** As `refs.case_id` of an event. */
export const CASE_ID = /^[A-Za-z0-9_-][A-Za-z0-9_:-]{0,127}$/;
export const CASE_TEXT = 'expected 1 to 128 letters, digits, "_", ":" or "-"';

/** `POST /audit/erasures`. */
export class EraseSubjectDto {
  /** The identifier as it was given, such as the `user_id` of a job. */
  @IsString()
  @Length(1, 320)
  subject!: string;

  @IsIn(ERASURE_REASONS)
  reason_code!: ErasureReason;

  @IsOptional()
  @Matches(CASE_ID, { message: CASE_TEXT })
  case_id?: string;

  /** Whose ledger; the caller's own when left out. */
  @IsOptional()
  @Matches(TENANT_PATTERN)
  tenant?: string;
}

/** Of lists that an operator reads of any tenant. */
export class TenantPageDto {
  @IsOptional()
  @Matches(TENANT_PATTERN)
  tenant?: string;

  /** `next_cursor` of the page before. */
  @IsOptional()
  @IsUUID()
  cursor?: string;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  limit?: number;
}

export class TenantDto {
  @IsOptional()
  @Matches(TENANT_PATTERN)
  tenant?: string;
}
