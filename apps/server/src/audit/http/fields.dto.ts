import { applyDecorators } from '@nestjs/common';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsUUID, Matches, Max, Min } from 'class-validator';
import { TENANT_PATTERN } from '#libs/ledger';

/** Whose ledger; the caller's own, or none in particular, when left out. */
export const TenantField = () => applyDecorators(IsOptional(), Matches(TENANT_PATTERN));

/** Of a page. */
export const LimitField = (most: number) =>
  applyDecorators(
    IsOptional(),
    Type(() => Number),
    IsInt(),
    Min(1),
    Max(most),
  );

/** `next_cursor` of the page before, where that is an id. */
export const CursorField = () => applyDecorators(IsOptional(), IsUUID());

/** A seq or a size in a query. */
export const PlaceField = ({ from }: { from: number }) =>
  applyDecorators(
    Type(() => Number),
    IsInt(),
    Min(from),
    Max(Number.MAX_SAFE_INTEGER),
  );

export const TimeField = () =>
  Matches(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, {
    message: 'expected RFC 3339 in UTC with milliseconds, such as 2026-11-21T09:00:00.000Z',
  });

/** As `refs.case_id` of an event. */
export const CaseField = () =>
  Matches(/^[A-Za-z0-9_-][A-Za-z0-9_:-]{0,127}$/, { message: 'expected 1 to 128 letters, digits, "_", ":" or "-"' });
