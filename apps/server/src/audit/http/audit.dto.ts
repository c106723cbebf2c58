import { IsIn, IsOptional, Matches, MaxLength } from 'class-validator';
import { LimitField, PlaceField, TimeField } from './fields.dto.js';

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
  @TimeField()
  since?: string;

  /** Exclusive. */
  @IsOptional()
  @TimeField()
  until?: string;

  /** `next_cursor` of the page before. */
  @IsOptional()
  @MaxLength(128)
  cursor?: string;

  /** Everything after this seq, oldest first; -1 begins at the beginning. */
  @IsOptional()
  @PlaceField({ from: -1 })
  after_seq?: number;

  @LimitField(1000)
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
