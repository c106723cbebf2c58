import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsIn,
  IsInt,
  IsOptional,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateNested,
  buildMessage,
} from 'class-validator';
import type { ErrorDetail } from '#libs/kernel';
import { PLATFORMS } from '../../conversion/index.js';
import { JobsError } from '../jobs.errors.js';
import { PRIORITIES, type JobRequest, type Priority } from '../jobs.types.js';

/** What events accept as an id. */
const PROJECT = /^[A-Za-z0-9_-][A-Za-z0-9_:-]{0,127}$/;
const LABEL = /^[A-Za-z0-9][A-Za-z0-9._:=/-]{0,62}$/;
/** A person's or a client's own id: anything printable. */
export const OUTSIDE_ID = /^(?!\s)[^\p{C}]{1,256}(?<!\s)$/u;
export const OUTSIDE_ID_RULE = { message: '$property must be 1 to 256 printable characters' };

const NORMALIZERS = ['kneron', 'tensorflow', 'yolo', 'pytorch', 'caffe', 'none'] as const;

/** A rule of ours under a name that becomes the fault's code. */
function Holds(name: string, says: string, holds: (value: unknown) => boolean): PropertyDecorator {
  const message = buildMessage((each) => `${each}$property must be ${says}`);
  return ValidateBy({ name, validator: { validate: holds, defaultMessage: message } });
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && [1, 3].includes(value.length) && value.every(Number.isFinite);

function isNormalizer(value: unknown): boolean {
  if (typeof value === 'string') return (NORMALIZERS as readonly string[]).includes(value);
  if (typeof value !== 'object' || value === null) return false;
  const { mean, std, ...rest } = value as Record<string, unknown>;
  const same = isNumbers(mean) && isNumbers(std) && mean.length === std.length;
  return same && !std.includes(0) && Object.keys(rest).length === 0;
}

function isShapes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const shapes = Object.values(value);
  const isSize = (size: unknown) => Number.isInteger(size) && (size as number) >= 1 && (size as number) <= 65_536;
  return (
    shapes.length <= 64 && shapes.every((shape) => Array.isArray(shape) && shape.length <= 8 && shape.every(isSize))
  );
}

class CropDto {
  @IsInt() @Min(0) x!: number;
  @IsInt() @Min(0) y!: number;
  @IsInt() @Min(1) w!: number;
  @IsInt() @Min(1) h!: number;
}

class PreprocessDto {
  @IsOptional() @IsIn(['stretch', 'letterbox']) resize?: 'stretch' | 'letterbox';
  @IsOptional() @IsIn(['corner', 'symmetric']) pad?: 'corner' | 'symmetric';
  @IsOptional() @IsInt() @Min(0) @Max(255) pad_value?: number;
  @IsOptional() @IsIn(['RGB', 'BGR', 'L']) channels?: 'RGB' | 'BGR' | 'L';
  @IsOptional() @ValidateNested() @Type(() => CropDto) crop?: CropDto;
  @IsOptional()
  @Holds(
    'is_normalizer',
    `one of ${NORMALIZERS.join(', ')}, or {mean, std} of 1 or 3 numbers, std without 0`,
    isNormalizer,
  )
  normalize?: NonNullable<NonNullable<JobRequest['preprocess']>['normalize']>;
}

class SubmitJobDto {
  @IsIn(PLATFORMS) platform!: JobRequest['platform'];
  @Matches(OUTSIDE_ID, OUTSIDE_ID_RULE) user_id!: string;
  @IsOptional() @Matches(PROJECT) project?: string;
  @IsOptional() @Matches(OUTSIDE_ID, OUTSIDE_ID_RULE) client_reference?: string;
  @IsOptional() @ArrayMaxSize(16) @Matches(LABEL, { each: true }) labels?: string[];
  @IsOptional() @IsIn(PRIORITIES) priority?: Priority;
  @IsOptional()
  @Holds('is_object', 'a JSON object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value))
  @ValidateNested()
  @Type(() => PreprocessDto)
  preprocess?: PreprocessDto;
  @IsOptional()
  @Holds('is_shapes', 'a JSON object of input names to lists of sizes, such as {"x":[1,3,224,224]}', isShapes)
  input_shapes?: Record<string, number[]>;
}

const LISTS = ['labels'];
const JSONS = ['preprocess', 'input_shapes'];

/**
 * The fields of a submission as the DTO wants them: lists are lists however often the field came (`labels` and
 * `labels[]` are one), JSON is parsed, an empty value is none. Throws JOBS.INPUT_INVALID for a field that came twice
 * and for text that is not JSON.
 */
export function plainFields(fields: Readonly<Record<string, readonly string[]>>): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  const faults: ErrorDetail[] = [];
  for (const [given, values] of Object.entries(fields)) {
    const name = LISTS.includes(given.replace(/\[\]$/, '')) ? given.replace(/\[\]$/, '') : given;
    const found = values.filter((value) => value !== '');
    if (found.length === 0) continue;
    if (LISTS.includes(name)) plain[name] = [...((plain[name] as string[] | undefined) ?? []), ...found];
    else if (found.length > 1) faults.push({ pointer: `/${name}`, code: 'repeated', detail: 'expected one value' });
    else if (JSONS.includes(name)) plain[name] = parsed(name, found[0]!, faults);
    else Object.defineProperty(plain, name, { value: found[0], enumerable: true });
  }
  if (faults.length === 0) return plain;
  throw new JobsError('JOBS.INPUT_INVALID', `${faults[0]!.pointer.slice(1)}: ${faults[0]!.detail}`, {
    details: faults,
  });
}

function parsed(name: string, text: string, faults: ErrorDetail[]): unknown {
  try {
    return JSON.parse(text);
  } catch {
    faults.push({ pointer: `/${name}`, code: 'not_json', detail: 'expected JSON' });
    return undefined;
  }
}

/** The job asked for, presets filled in. */
export function jobRequest(dto: SubmitJobDto): JobRequest {
  const { preprocess, labels = [], priority = 'normal', project, client_reference, input_shapes } = dto;
  return {
    platform: dto.platform,
    user_id: dto.user_id,
    ...(project !== undefined && { project }),
    ...(client_reference !== undefined && { client_reference }),
    labels: [...new Set(labels)],
    priority,
    ...(preprocess && { preprocess: preprocessOf(preprocess) }),
    ...(input_shapes && { input_shapes }),
  };
}

function preprocessOf({ pad_value, crop, ...same }: PreprocessDto): NonNullable<JobRequest['preprocess']> {
  const given = Object.entries({ ...same, padValue: pad_value, crop: crop && { ...crop } });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

export { SubmitJobDto };
