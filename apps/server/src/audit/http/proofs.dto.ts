import { IsOptional } from 'class-validator';
import { LimitField, PlaceField } from './fields.dto.js';

/** `GET /audit/events/:id/proof`. */
export class ProofDto {
  /** Of a published checkpoint; the newest when left out. */
  @IsOptional()
  @PlaceField({ from: 1 })
  size?: number;
}

/** `GET /audit/consistency`: sizes of two published checkpoints. */
export class ConsistencyDto {
  @PlaceField({ from: 1 })
  from!: number;

  @PlaceField({ from: 1 })
  to!: number;
}

/** `GET /audit/checkpoints`: newest first. */
export class CheckpointsDto {
  /** `next_before_size` of the page before. */
  @IsOptional()
  @PlaceField({ from: 1 })
  before_size?: number;

  @LimitField(1000)
  limit?: number;
}
