import type { Doc } from '../bson-read.js';
import { CommandError } from '../command.error.js';
import type { Sort } from '../planner.js';
import { isPlainObject } from '../query.js';
import type { Request } from '../wire.js';

/** What to read, as find, count, distinct and the head of a pipeline say it. */
export interface Selection {
  filter: Doc;
  sort: Sort;
  skip: number;
  limit: number;
}

/** The collection a command names in its first field. */
export function collectionName({ body, name }: Request): string {
  const value = body[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new CommandError(73, `collection name has invalid type ${typeof value}`);
}

export function documentArgument(body: Doc, name: string): Doc {
  const value = body[name];
  if (value === undefined || value === null) return {};
  if (isPlainObject(value)) return value;
  throw new CommandError(14, `BSON field '${name}' is the wrong type, expected type 'object'`);
}

export function listArgument(body: Doc, name: string): unknown[] {
  const value = body[name] ?? [];
  if (Array.isArray(value)) return value;
  throw new CommandError(14, `BSON field '${name}' is the wrong type, expected type 'array'`);
}

/** A whole number from 0; undefined when absent. */
export function countArgument(body: Doc, name: string): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw new CommandError(14, `BSON field '${name}' is the wrong type, expected a whole number`);
  }
  if (value < 0) throw new CommandError(2, `BSON field '${name}' value must be >= 0, actual value '${value}'`);
  return value;
}

export function sortArgument(body: Doc, name = 'sort'): Sort {
  return Object.entries(documentArgument(body, name)).map(([path, direction]) => {
    if (direction !== 1 && direction !== -1) {
      throw new CommandError(
        2,
        `$sort key ordering must be 1 (for ascending) or -1 (for descending), found ${JSON.stringify(direction)}`,
      );
    }
    return [path, direction];
  });
}

/** Throws CommandError 2 for fields that would change the result and are not supported. */
export function refuse(body: Doc, ...names: string[]): void {
  for (const name of names) {
    const value = body[name];
    if (value === undefined || value === false || value === null) continue;
    if (isPlainObject(value) && Object.keys(value).length === 0) continue;
    throw new CommandError(2, `'${name}' is not supported by the embedded engine`);
  }
}
