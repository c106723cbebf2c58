import { Transform } from 'class-transformer';
import { IsBoolean, IsInt, IsOptional, Max, Min } from 'class-validator';
import { LimitField, PlaceField, TenantField } from './fields.dto.js';

/** `GET /audit/archives`: newest first. */
export class ArchivesDto {
  /** `next_before_seq` of the page before. */
  @IsOptional()
  @PlaceField({ from: 1 })
  before_seq?: number;

  @LimitField(1000)
  limit?: number;

  /** Whose; the caller's own when left out. */
  @TenantField()
  tenant?: string;
}

/** `POST /audit/archives/:id/verify`. */
export class VerifyArchiveDto {
  /** Of the second store by itself. */
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value))
  @IsBoolean()
  copy?: boolean;

  /** Whose it is; the caller's own when left out. */
  @TenantField()
  tenant?: string;
}

/** `POST /audit/archive/run`. */
export class RunArchiveDto {
  /** Goes past `ARCHIVE_ENABLED`, the hour and the day. */
  @IsOptional()
  @IsBoolean()
  override?: boolean;

  /** The ledger; the caller's own when left out. */
  @TenantField()
  tenant?: string;
}

/** `POST /audit/archives/:id/restore`. */
export class RestoreArchiveDto {
  /** That the copies stay; 7 when left out. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(365)
  days?: number;

  /** Whose batch it is; the caller's own when left out. */
  @TenantField()
  tenant?: string;
}
