import { CursorField, LimitField, TenantField } from './fields.dto.js';

/** Of one thing that an operator reads of any tenant. */
export class TenantDto {
  @TenantField()
  tenant?: string;
}

/** Of a list. */
export class PageDto {
  @CursorField()
  cursor?: string;

  @LimitField(100)
  limit?: number;
}

/** Of a list that an operator reads of any tenant. */
export class TenantPageDto extends PageDto {
  @TenantField()
  tenant?: string;
}
