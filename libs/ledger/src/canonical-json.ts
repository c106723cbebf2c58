import canonicalize from 'canonicalize';
import { LedgerError } from './ledger.errors.js';

const MAX_DEPTH = 32;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * RFC 8785 text of a value that JSON can carry without loss; parsing the text gives the value back. Throws
 * LEDGER.EVENT_VALUE for everything else: NaN and infinities, negative zero, unsafe integers, lone surrogates,
 * `undefined`, functions, symbols, bigints, Dates and other class instances, `toJSON`, sparse arrays, nesting beyond 32.
 */
export function canonicalJson(value: unknown): string {
  // RFC 8785 writes strings and numbers as ECMAScript does (§3.2.2); only the order of members is its own.
  return isSorted(value, 0) ? JSON.stringify(value) : (canonicalize(value) as string);
}

/** Checks the value, and tells whether every object in it already has its members in RFC 8785 §3.2.3 order. */
function isSorted(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
      if (LONE_SURROGATE.test(value)) refuse('a lone surrogate');
      return true;
    case 'number':
      if (!Number.isFinite(value)) refuse('NaN or an infinity');
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) refuse('an integer beyond 2^53-1');
      if (Object.is(value, -0)) refuse('negative zero');
      return true;
    case 'boolean':
      return true;
    case 'object':
      if (value === null) return true;
      if (depth >= MAX_DEPTH) refuse(`nesting beyond ${MAX_DEPTH} levels, or a cycle`);
      return Array.isArray(value) ? areSorted(value, depth) : areMembersSorted(value, depth);
    default:
      return refuse(typeof value);
  }
}

function areSorted(array: readonly unknown[], depth: number): boolean {
  if (Object.keys(array).length !== array.length) refuse('a sparse array, or one with named members');
  let sorted = true;
  for (const item of array) sorted = isSorted(item, depth + 1) && sorted;
  return sorted;
}

function areMembersSorted(object: object, depth: number): boolean {
  if (typeof (object as { toJSON?: unknown }).toJSON === 'function') refuse('a toJSON method (a Date has one)');
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    refuse('an instance of a class');
  }
  if (Object.getOwnPropertySymbols(object).length > 0) refuse('a symbol as member name');
  let sorted = true;
  let previous: string | undefined;
  for (const [name, member] of Object.entries(object)) {
    if (LONE_SURROGATE.test(name)) refuse('a lone surrogate in a member name');
    if (previous !== undefined && previous > name) sorted = false;
    previous = name;
    sorted = isSorted(member, depth + 1) && sorted;
  }
  return sorted;
}

function refuse(what: string): never {
  throw new LedgerError('LEDGER.EVENT_VALUE', `an event holds plain JSON values only, found ${what}`);
}
