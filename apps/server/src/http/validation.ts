import { ValidationPipe, type PipeTransform } from '@nestjs/common';
import { plainToInstance, type ClassConstructor } from 'class-transformer';
import { validateSync, type ValidationError, type ValidatorOptions } from 'class-validator';
import type { ErrorDetail } from '#libs/kernel';
import { HttpError } from './http.errors.js';

/** A field nobody declared is a mistake of the caller's, and is told; values are never echoed. */
const RULES: ValidatorOptions = {
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  validationError: { target: false, value: false },
};

/** For bodies and queries of every route: 422 `invalid_input` with a pointer per fault. */
export function validationPipe(): PipeTransform {
  return new ValidationPipe({ ...RULES, transform: true, exceptionFactory: (faults) => invalidInput(faults) });
}

/**
 * What the pipe does, for input that does not arrive as a body, such as the fields of a multipart upload. `partial`:
 * nothing is missed.
 */
export function validated<T extends object>(
  Dto: ClassConstructor<T>,
  plain: unknown,
  { partial = false }: { partial?: boolean } = {},
): T {
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) throw invalidInput([]);
  const dto = plainToInstance(Dto, plain);
  const faults = validateSync(dto, { ...RULES, skipMissingProperties: partial });
  if (faults.length > 0) throw invalidInput(faults);
  return dto;
}

function invalidInput(faults: readonly ValidationError[]): HttpError {
  const details = faults.flatMap((fault) => detailsOf(fault, ''));
  const message = details.length > 0 ? 'the input has fields that cannot be accepted' : 'expected an object';
  return new HttpError('HTTP.INPUT_INVALID', message, { details });
}

function detailsOf(fault: ValidationError, parent: string): ErrorDetail[] {
  // RFC 6901 §3
  const pointer = `${parent}/${fault.property.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const own = Object.entries(fault.constraints ?? {}).map(([rule, detail]) => ({
    pointer,
    code: codeOf(rule),
    detail,
  }));
  return [...own, ...(fault.children ?? []).flatMap((child) => detailsOf(child, pointer))];
}

/** class-validator's rule in snake case: `isInt` → `is_int`; a field that was not declared is `unknown_field`. */
function codeOf(rule: string): string {
  if (rule === 'whitelistValidation') return 'unknown_field';
  return rule.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
