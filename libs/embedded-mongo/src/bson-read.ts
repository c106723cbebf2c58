import { BSONRegExp, Binary, ObjectId } from 'bson';
import { CommandError } from './command.error.js';

export type Doc = Record<string, unknown>;

/** BSON's type numbers, https://bsonspec.org/spec.html; only those that are stored. */
export const BsonType = {
  double: 1,
  string: 2,
  object: 3,
  array: 4,
  binary: 5,
  objectId: 7,
  bool: 8,
  date: 9,
  null: 10,
  regex: 11,
  int32: 16,
  int64: 18,
} as const;

const MAX_DEPTH = 180;
export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;

/**
 * Binary that equals and orders as BSON's does (length, subtype, bytes). mingo compares objects of a class by their
 * `toString`, and that of `Binary` itself is UTF-8, in which different bytes look alike.
 */
export class Bytes extends Binary {
  override toString(): string {
    const bytes = Buffer.from(this.buffer.buffer, this.buffer.byteOffset, this.position);
    return `${String(this.position).padStart(10, '0')}:${this.sub_type.toString(16).padStart(2, '0')}:${bytes.toString('hex')}`;
  }
}

/** The document as values; throws CommandError 2 for a type that is not supported. */
export function decodeDocument(buf: Buffer, at: number, depth = 0): Doc {
  const doc: Doc = {};
  eachElement(buf, at, (type, nameStart, nameEnd, valueAt) => {
    const name = buf.toString('utf8', nameStart, nameEnd);
    const value = decodeValue(buf, type, valueAt, depth + 1);
    if (name === '__proto__') {
      Object.defineProperty(doc, name, { value, enumerable: true, writable: true, configurable: true });
    } else doc[name] = value;
  });
  return doc;
}

export function decodeValue(buf: Buffer, type: number, at: number, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new CommandError(22, `a document is nested deeper than ${MAX_DEPTH} levels`);
  switch (type) {
    case BsonType.double:
      return buf.readDoubleLE(at);
    case BsonType.string:
      return buf.toString('utf8', at + 4, at + 3 + buf.readInt32LE(at));
    case BsonType.object:
      return decodeDocument(buf, at, depth);
    case BsonType.array:
      return decodeArray(buf, at, depth);
    case BsonType.binary:
      return decodeBinary(buf, at);
    case BsonType.objectId:
      return new ObjectId(Buffer.from(buf.subarray(at, at + 12)));
    case BsonType.bool:
      return buf[at] === 1;
    case BsonType.date:
      return decodeDate(buf, at);
    case BsonType.null:
      return null;
    case BsonType.regex:
      return decodeRegex(buf, at);
    case BsonType.int32:
      return buf.readInt32LE(at);
    case BsonType.int64:
      return decodeInt64(buf, at);
    default:
      throw unsupported(type);
  }
}

/**
 * Throws CommandError 22 when the bytes at `at` are not a well-formed document that ends by `end`, and, for a
 * document that is to be stored, 2 when it holds a type that would be compared wrongly. Returns where it ends.
 */
export function assertWellFormed(buf: Buffer, at: number, end: number, stored: boolean, depth = 0): number {
  if (depth > MAX_DEPTH) throw new CommandError(22, `a document is nested deeper than ${MAX_DEPTH} levels`);
  if (at + 5 > end) throw malformed();
  const size = buf.readInt32LE(at);
  const close = at + size - 1;
  if (size < 5 || close >= end || buf[close] !== 0) throw malformed();
  let pos = at + 4;
  while (pos < close) {
    const type = buf[pos]!;
    let nameEnd = pos + 1;
    while (nameEnd < close && buf[nameEnd] !== 0) nameEnd++;
    if (nameEnd >= close) throw malformed();
    if (type === BsonType.object || type === BsonType.array) {
      pos = assertWellFormed(buf, nameEnd + 1, close, stored, depth + 1);
    } else {
      pos = nameEnd + 1 + checkedSize(buf, type, nameEnd + 1, close);
      if (stored) assertStorable(buf, type, nameEnd + 1);
    }
    if (pos > close) throw malformed();
  }
  return close + 1;
}

/** Calls back for each element of the well-formed document at `at`, until the callback returns false. */
export function eachElement(
  buf: Buffer,
  at: number,
  visit: (type: number, nameStart: number, nameEnd: number, valueAt: number, end: number) => boolean | void,
): void {
  const close = at + buf.readInt32LE(at) - 1;
  let pos = at + 4;
  while (pos < close) {
    const type = buf[pos]!;
    let nameEnd = pos + 1;
    while (buf[nameEnd] !== 0) nameEnd++;
    const end = nameEnd + 1 + sizeOf(buf, type, nameEnd + 1);
    if (visit(type, pos + 1, nameEnd, nameEnd + 1, end) === false) return;
    pos = end;
  }
}

/** Where the value of a top-level field is; undefined when it is absent. Compares bytes, decodes nothing. */
export function findElement(
  buf: Buffer,
  at: number,
  name: Buffer,
): { type: number; at: number; end: number } | undefined {
  const close = at + buf.readInt32LE(at) - 1;
  const length = name.length;
  let pos = at + 4;
  while (pos < close) {
    const type = buf[pos]!;
    let nameEnd = pos + 1;
    while (buf[nameEnd] !== 0) nameEnd++;
    const valueAt = nameEnd + 1;
    const end = valueAt + sizeOf(buf, type, valueAt);
    if (nameEnd - pos - 1 === length) {
      let i = 0;
      while (i < length && buf[pos + 1 + i] === name[i]) i++;
      if (i === length) return { type, at: valueAt, end };
    }
    pos = end;
  }
  return undefined;
}

function decodeArray(buf: Buffer, at: number, depth: number): unknown[] {
  const values: unknown[] = [];
  eachElement(buf, at, (type, _start, _end, valueAt) => {
    values.push(decodeValue(buf, type, valueAt, depth + 1));
  });
  return values;
}

function decodeBinary(buf: Buffer, at: number): Bytes {
  const size = buf.readInt32LE(at);
  return new Bytes(Buffer.from(buf.subarray(at + 5, at + 5 + size)), buf[at + 4]);
}

function decodeRegex(buf: Buffer, at: number): RegExp {
  const split = buf.indexOf(0, at);
  const pattern = buf.toString('utf8', at, split);
  const options = buf.toString('utf8', split + 1, buf.indexOf(0, split + 1));
  if (/[^ims]/.test(options)) throw new CommandError(2, `regular expression options '${options}' are not supported`);
  try {
    return new RegExp(new BSONRegExp(pattern, options).pattern, options);
  } catch {
    throw new CommandError(2, 'Regular expression is invalid');
  }
}

function decodeDate(buf: Buffer, at: number): Date {
  const date = new Date(Number(buf.readBigInt64LE(at)));
  if (Number.isNaN(date.getTime())) throw new CommandError(2, 'a date beyond the year 275760 is not supported');
  return date;
}

function decodeInt64(buf: Buffer, at: number): number {
  const value = Number(buf.readBigInt64LE(at));
  if (!Number.isSafeInteger(value)) {
    throw new CommandError(2, 'a 64-bit integer beyond 2^53 - 1 is not supported by the embedded engine');
  }
  return value;
}

function checkedSize(buf: Buffer, type: number, at: number, close: number): number {
  const fixed = fixedSize[type];
  if (fixed !== undefined) {
    if (at + fixed > close) throw malformed();
    return fixed;
  }
  if (type === BsonType.regex) {
    const split = buf.indexOf(0, at);
    const end = split < 0 ? -1 : buf.indexOf(0, split + 1);
    if (end < 0 || end >= close) throw malformed();
    return end + 1 - at;
  }
  if (at + 4 > close) throw malformed();
  const length = buf.readInt32LE(at);
  if (length < 0 || at + length > close) throw malformed();
  if (type === BsonType.string && (length < 1 || at + 4 + length > close || buf[at + 3 + length] !== 0)) {
    throw malformed();
  }
  return sizeOf(buf, type, at);
}

function assertStorable(buf: Buffer, type: number, at: number): void {
  if (!storedTypes.has(type)) throw unsupported(type);
  if (type === BsonType.int64) decodeInt64(buf, at);
  if (type === BsonType.date) decodeDate(buf, at);
}

const storedTypes = new Set<number>([1, 2, 3, 4, 5, 7, 8, 9, 10, 16, 18]);

const fixedSize: Partial<Record<number, number>> = {
  ...{ 1: 8, 7: 12, 8: 1, 9: 8, 10: 0, 16: 4, 18: 8 },
  ...{ 6: 0, 17: 8, 19: 16, 127: 0, 255: 0 },
};

/** Sizes of all types, the refused ones too: commands carry them in fields nobody reads. */
function sizeOf(buf: Buffer, type: number, at: number): number {
  const fixed = fixedSize[type];
  if (fixed !== undefined) return fixed;
  switch (type) {
    case BsonType.string:
    case 13:
    case 14:
      return 4 + buf.readInt32LE(at);
    case BsonType.object:
    case BsonType.array:
    case 15:
      return buf.readInt32LE(at);
    case BsonType.binary:
      return 5 + buf.readInt32LE(at);
    case BsonType.regex:
      return buf.indexOf(0, buf.indexOf(0, at) + 1) + 1 - at;
    case 12:
      return 4 + buf.readInt32LE(at) + 12;
    default:
      throw malformed();
  }
}

const typeNames: Partial<Record<number, string>> = {
  6: 'undefined',
  11: 'regex',
  12: 'dbPointer',
  13: 'javascript',
  14: 'symbol',
  15: 'javascriptWithScope',
  17: 'timestamp',
  19: 'decimal',
  127: 'maxKey',
  255: 'minKey',
};

function unsupported(type: number): CommandError {
  const name = typeNames[type];
  return name === undefined
    ? malformed()
    : new CommandError(2, `BSON type ${name} is not supported by the embedded engine`);
}

function malformed(): CommandError {
  return new CommandError(22, 'the document is not well-formed BSON');
}
