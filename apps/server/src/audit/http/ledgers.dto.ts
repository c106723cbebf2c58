import { IsIn, IsInt, Matches, Max, Min } from 'class-validator';
import { REOPEN_REASONS, type ReopenReason } from '../commands/reopen-ledger.command.js';

/** `POST /audit/ledgers/:tenant/reopen`: the last good checkpoint, typed as the operator read it. */
export class ReopenDto {
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  good_size!: number;

  @Matches(/^[A-Za-z0-9+/]{43}=$/, { message: 'expected the root of the checkpoint, 32 bytes in base64' })
  good_root!: string;

  @IsIn(REOPEN_REASONS)
  reason!: ReopenReason;
}
