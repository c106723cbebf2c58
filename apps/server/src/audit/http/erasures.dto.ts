import { IsIn, IsOptional, IsString, Length } from 'class-validator';
import { ERASURE_REASONS, type ErasureReason } from '../erasure/erasure.types.js';
import { CaseField, TenantField } from './fields.dto.js';

/** `POST /audit/erasures`. */
export class EraseSubjectDto {
  /** The identifier as it was given, such as the `user_id` of a job. */
  @IsString()
  @Length(1, 320)
  subject!: string;

  @IsIn(ERASURE_REASONS)
  reason_code!: ErasureReason;

  @IsOptional()
  @CaseField()
  case_id?: string;

  /** Whose ledger; the caller's own when left out. */
  @TenantField()
  tenant?: string;
}
