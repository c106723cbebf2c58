import { Transform, Type } from 'class-transformer';
import { IsBoolean, IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import { TENANT_PATTERN } from '#libs/ledger';

/** `GET /audit/archives`: newest first. */
export class ArchivesDto {
  /** `next_before_seq` of the page before. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  before_seq?: number;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1000)
  limit?: number;

  /** Whose; the caller's own when left out. */
  @IsOptional()
  @Matches(TENANT_PATTERN)
  tenant?: string;
}

/** `GET /audit/archives/:id`. */
export class ArchiveDto {
  /** Whose it is; the caller's own when left out. */
  @IsOptional()
  @Matches(TENANT_PATTERN)
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
  @IsOptional()
  @Matches(TENANT_PATTERN)
  tenant?: string;
}

/** `POST /audit/archive/run`. */
export class RunArchiveDto {
  /** Goes past `ARCHIVE_ENABLED`, the hour and the day. */
  @IsOptional()
  @IsBoolean()
  override?: boolean;

  /** The ledger; the caller's own when left out. */
  @IsOptional()
  @Matches(TENANT_PATTERN)
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
  @IsOptional()
  @Matches(TENANT_PATTERN)
  tenant?: string;
}
