import { IsIn, IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import { TENANT_PATTERN } from '#libs/ledger';
import { ROTATED_PURPOSES, type RotatedPurpose } from '../commands/rotate-key.command.js';

/** `POST /audit/keys/rotate`. */
export class RotateKeyDto {
  @IsIn(ROTATED_PURPOSES)
  purpose!: RotatedPurpose;

  /** A note key of this ledger's own. */
  @IsOptional()
  @Matches(TENANT_PATTERN)
  tenant?: string;
}

/** `POST /audit/keys/:id/compromised`. */
export class CompromisedKeyDto {
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  since_size!: number;

  /** Whose size it is. */
  @IsOptional()
  @Matches(TENANT_PATTERN)
  tenant?: string;
}
