import { ObjectId } from 'bson';
import { BsonType, Bytes, decodeValue } from './bson-read.js';
import { CommandError } from './command.error.js';

/**
 * Keys whose bytes, compared as unsigned, order as MongoDB compares the values
 * (manual: reference/bson-type-comparison-order). Each value starts with the byte of its class and ends by itself, so
 * the keys of several fields can follow one another. No byte 0xff ever starts a value: `key + 0xff` lies behind all
 * keys that begin with `key`.
 */
export const ValueClass = {
  null: 0x10,
  number: 0x20,
  string: 0x30,
  object: 0x40,
  array: 0x50,
  binary: 0x60,
  objectId: 0x70,
  bool: 0x80,
  date: 0x90,
} as const;

export type ValueClass = (typeof ValueClass)[keyof typeof ValueClass];

/** LMDB's limit for a key with pages of 4 KiB. */
export const MAX_KEY_BYTES = 1978;

const END = 0x00;

/** Builds keys in one buffer that is used again; what it gives is a copy. */
export class KeyWriter {
  private buf = Buffer.allocUnsafe(8192);
  private length = 0;

  reset(): this {
    this.length = 0;
    return this;
  }

  take(): Buffer {
    this.assertSize();
    return Buffer.from(this.buf.subarray(0, this.length));
  }

  /** As `take`, for keys that are only compared and so may be of any length. */
  copy(): Buffer {
    return Buffer.from(this.buf.subarray(0, this.length));
  }

  uint32(value: number): this {
    this.room(4);
    this.length = this.buf.writeUInt32BE(value, this.length);
    return this;
  }

  byte(value: number): this {
    this.room(1);
    this.buf[this.length++] = value;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.room(value.length);
    this.buf.set(value, this.length);
    this.length += value.length;
    return this;
  }

  /** `undefined` stands for an absent field, which is ordered as null is. */
  value(value: unknown, descending = false): this {
    const start = this.length;
    this.append(value);
    if (descending) for (let i = start; i < this.length; i++) this.buf[i] = this.buf[i]! ^ 0xff;
    return this;
  }

  /** As `value` of what is stored in `doc` at `at`; the usual types are taken over without making values of them. */
  element(doc: Buffer, type: number, at: number, descending = false): this {
    if (descending || type !== BsonType.string || !this.ascii(doc, at + 4, at + 3 + doc.readInt32LE(at))) {
      return this.value(decodeValue(doc, type, at), descending);
    }
    return this;
  }

  /** False, and nothing is written, when a byte of the text is no single character or has to be escaped. */
  private ascii(doc: Buffer, start: number, end: number): boolean {
    this.room(end - start + 3);
    const { buf } = this;
    let to = this.length;
    buf[to++] = ValueClass.string;
    for (let from = start; from < end; from++) {
      const byte = doc[from]!;
      if (byte === 0 || byte > 0x7f) return false;
      buf[to++] = byte;
    }
    buf[to++] = END;
    buf[to++] = END;
    this.length = to;
    return true;
  }

  private append(value: unknown): void {
    const valueClass = classOf(value);
    this.byte(valueClass);
    switch (valueClass) {
      case ValueClass.null:
        return;
      case ValueClass.number:
        return this.number(value as number);
      case ValueClass.string:
        return this.text(value as string);
      case ValueClass.object:
        for (const [name, member] of Object.entries(value as object)) {
          this.byte(classOf(member));
          this.text(name);
          this.append(member);
        }
        this.byte(END);
        return;
      case ValueClass.array:
        for (const item of value as unknown[]) this.append(item);
        this.byte(END);
        return;
      case ValueClass.binary: {
        const binary = value as Bytes;
        this.uint32(binary.position).byte(binary.sub_type).bytes(binary.buffer.subarray(0, binary.position));
        return;
      }
      case ValueClass.objectId:
        this.bytes((value as ObjectId).id);
        return;
      case ValueClass.bool:
        this.byte(value === true ? 1 : 0);
        return;
      case ValueClass.date:
        this.room(8);
        this.buf.writeBigInt64BE(BigInt((value as Date).getTime()), this.length);
        this.buf[this.length] = this.buf[this.length]! ^ 0x80;
        this.length += 8;
    }
  }

  /** IEEE 754: with the sign bit flipped, or all bits for negatives, doubles order as unsigned integers. */
  private number(value: number): void {
    this.room(8);
    const at = this.length;
    this.length += 8;
    if (Number.isNaN(value)) {
      this.buf.fill(0, at, at + 8); // NaN is before every number
      return;
    }
    this.buf.writeDoubleBE(value === 0 ? 0 : value, at);
    if (this.buf[at]! & 0x80) for (let i = at; i < at + 8; i++) this.buf[i] = this.buf[i]! ^ 0xff;
    else this.buf[at] = this.buf[at]! | 0x80;
  }

  /** UTF-8 with NUL written as 00 ff, closed by 00 00, so that a prefix is before what continues it. */
  private text(value: string): void {
    this.room(value.length * 3 + 2);
    const start = this.length;
    this.length += this.buf.write(value, start, 'utf8');
    if (value.includes('\0')) {
      const escaped = Buffer.from(this.buf.toString('latin1', start, this.length).replaceAll('\0', '\0\xff'), 'latin1');
      this.length = start;
      this.bytes(escaped);
    }
    this.byte(END).byte(END);
  }

  private room(bytes: number): void {
    if (this.length + bytes <= this.buf.length) return;
    const larger = Buffer.allocUnsafe((this.length + bytes) * 2);
    this.buf.copy(larger, 0, 0, this.length);
    this.buf = larger;
  }

  private assertSize(): void {
    if (this.length <= MAX_KEY_BYTES) return;
    throw new CommandError(
      17280,
      `an index key of ${this.length} bytes is over the ${MAX_KEY_BYTES} this engine can hold`,
    );
  }
}

export function classOf(value: unknown): ValueClass {
  switch (typeof value) {
    case 'string':
      return ValueClass.string;
    case 'number':
      return ValueClass.number;
    case 'boolean':
      return ValueClass.bool;
    case 'undefined':
      return ValueClass.null;
    default:
  }
  if (value === null) return ValueClass.null;
  if (Array.isArray(value)) return ValueClass.array;
  if (value instanceof Date) return ValueClass.date;
  if (value instanceof Bytes) return ValueClass.binary;
  if (value instanceof ObjectId) return ValueClass.objectId;
  if (value instanceof RegExp) throw new CommandError(2, 'a regular expression cannot be compared or stored');
  return ValueClass.object;
}

const scratch = new KeyWriter();

/** The key of one value, without the limit of LMDB's keys: for comparing in memory. */
export function comparableKey(value: unknown, descending = false): Buffer {
  return scratch.reset().value(value, descending).copy();
}

/** Negative, zero or positive, as MongoDB orders the two. */
export function compareValues(a: unknown, b: unknown): number {
  if (typeof a === 'string' && a === b) return 0;
  if (typeof a === 'number' && typeof b === 'number' && !Number.isNaN(a) && !Number.isNaN(b)) return a - b;
  return comparableKey(a).compare(comparableKey(b));
}
