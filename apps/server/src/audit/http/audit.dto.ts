import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, Matches, Max, MaxLength, Min } from 'class-validator';

export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
export const TIME_TEXT = 'expected RFC 3339 in UTC with milliseconds, such as 2026-11-21T09:00:00.000Z';

/** `GET /audit/events`: search newest first, or follow with `after_seq` alone. */
export class EventsDto {
  /** A kind, such as `job.created`. */
  @IsOptional()
  @Matches(/^[a-z][a-z0-9_.-]{2,95}$/)
  kind?: string;

  @IsOptional()
  @MaxLength(128)
  job_id?: string;

  /** Inclusive: when it happened. */
  @IsOptional()
  @Matches(TIME, { message: TIME_TEXT })
  since?: string;

  /** Exclusive. */
  @IsOptional()
  @Matches(TIME, { message: TIME_TEXT })
  until?: string;

  /** `next_cursor` of the page before. */
  @IsOptional()
  @MaxLength(128)
  cursor?: string;

  /** Everything after this seq, oldest first; -1 begins at the beginning. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(-1)
  @Max(Number.MAX_SAFE_INTEGER)
  after_seq?: number;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1000)
  limit?: number;

  /** `true`: also who the pseudonyms are, for a key that holds `admin:*`; others get the page without it. */
  @IsOptional()
  @IsIn(['true', 'false'])
  persons?: string;
}

/** `GET /audit/verify`. */
export class VerifyDto {
  /** A verifier key from outside (`<name>+<key id>+<base64>`), to pin. */
  @IsOptional()
  @MaxLength(512)
  vkey?: string;

  /** `text`: the report to be read, as `Accept: text/plain`. */
  @IsOptional()
  @IsIn(['json', 'text'])
  format?: 'json' | 'text';
}
