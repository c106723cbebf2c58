import { ArrayMaxSize, ArrayMinSize, IsArray, IsOptional, IsString, Length, Matches } from 'class-validator';
import { TENANT_PATTERN } from '#libs/ledger';
import { TIME, TIME_TEXT } from './audit.dto.js';
import { CASE_ID, CASE_TEXT } from './erasures.dto.js';

/** `POST /audit/holds`. */
export class PlaceHoldDto {
  @Matches(CASE_ID, { message: CASE_TEXT })
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
  @Matches(TIME, { message: TIME_TEXT })
  since?: string;

  /** Exclusive; without end when left out. */
  @IsOptional()
  @Matches(TIME, { message: TIME_TEXT })
  until?: string;

  /** Whose ledger; the caller's own when left out. */
  @IsOptional()
  @Matches(TENANT_PATTERN)
  tenant?: string;
}
