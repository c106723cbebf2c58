import { ArrayMaxSize, IsArray, IsBoolean, IsIn, IsInt, IsOptional, Max, MaxLength, Min } from 'class-validator';

/** `POST /audit/verifications`. */
export class StartVerificationDto {
  /** First seq; 0 when left out. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  from?: number;

  /** Last seq, inclusive; the newest when left out. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  to?: number;

  /** Verifier keys from outside (`<name>+<key id>+<base64>`), to pin. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(32)
  @MaxLength(512, { each: true })
  vkeys?: string[];

  /** Whether a tier below `anchored` is a failure. */
  @IsOptional()
  @IsBoolean()
  require_anchor?: boolean;
}

/** `GET /audit/verifications/:id`. */
export class ReportDto {
  /** As `Accept: text/plain`. */
  @IsOptional()
  @IsIn(['json', 'text'])
  format?: 'json' | 'text';
}
