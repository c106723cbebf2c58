import { ArrayMaxSize, ArrayMinSize, IsArray, IsOptional, IsString, Length } from 'class-validator';
import { CaseField, TenantField, TimeField } from './fields.dto.js';

/** `POST /audit/holds`. */
export class PlaceHoldDto {
  @CaseField()
  case_id!: string;

  /** Identifiers of persons; everyone when left out. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(256)
  @IsString({ each: true })
  @Length(1, 320, { each: true })
  subjects?: string[];

  /** Inclusive: when it happened; from the beginning when left out. */
  @IsOptional()
  @TimeField()
  since?: string;

  /** Exclusive; without end when left out. */
  @IsOptional()
  @TimeField()
  until?: string;

  /** Whose ledger; the caller's own when left out. */
  @TenantField()
  tenant?: string;
}
