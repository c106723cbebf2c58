import { IsIn, IsInt, Max, Min } from 'class-validator';
import { ROTATED_PURPOSES, type RotatedPurpose } from '../commands/rotate-key.command.js';
import { TenantField } from './fields.dto.js';

/** `POST /audit/keys/rotate`. */
export class RotateKeyDto {
  @IsIn(ROTATED_PURPOSES)
  purpose!: RotatedPurpose;

  /** A note key of this ledger's own. */
  @TenantField()
  tenant?: string;
}

/** `POST /audit/keys/:id/compromised`. */
export class CompromisedKeyDto {
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  since_size!: number;

  /** Whose size it is. */
  @TenantField()
  tenant?: string;
}
