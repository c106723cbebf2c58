import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { startsLikeOnnx } from './model.codec.js';
import { OnnxError } from './onnx.errors.js';

/** Which fields hold messages worth entering, and which hold tensor values to leave out when they are large. */
interface Fields {
  enter: Record<number, Fields>;
  drop?: ReadonlySet<number>;
}

/** Values up to this many bytes are kept: shapes, bounds and scales are small tensors. */
const smallBytes = 1024;

// Field numbers of onnx.proto. TensorProto: float_data 4, int32_data 5, string_data 6, int64_data 7, raw_data 9,
// double_data 10, uint64_data 11.
const tensor: Fields = { enter: {}, drop: new Set([4, 5, 6, 7, 9, 10, 11]) };
const sparse: Fields = { enter: { 1: tensor, 2: tensor } };
const attribute: Fields = { enter: { 5: tensor, 10: tensor, 22: sparse, 23: sparse }, drop: new Set([4, 7, 8, 9]) };
const node: Fields = { enter: { 5: attribute } };
const graph: Fields = { enter: { 1: node, 5: tensor, 15: sparse } };
const model: Fields = { enter: { 7: graph }, drop: new Set([20]) };
attribute.enter[6] = graph;
attribute.enter[11] = graph;

/**
 * The bytes of the model in a file, without its large tensor values, read by position: their bytes are stepped over, not
 * loaded. Throws ONNX.EMPTY_FILE, ONNX.TRUNCATED or ONNX.NOT_ONNX.
 */
export function skimmedModel(path: string): Uint8Array {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    if (size === 0) throw new OnnxError('ONNX.EMPTY_FILE', 'expected an ONNX model, found an empty file');
    const reader = new PositionReader(descriptor, size);
    if (!startsLikeOnnx(reader.bytes(0, Math.min(2, size)))) {
      throw new OnnxError('ONNX.NOT_ONNX', 'expected an ONNX model, found bytes that are not one');
    }
    return skimmedMessage(reader, 0, size, model);
  } finally {
    closeSync(descriptor);
  }
}

function skimmedMessage(reader: PositionReader, start: number, end: number, fields: Fields): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = start; at < end;) {
    const tag = reader.varint(at);
    const wire = tag.value & 7;
    const field = Math.floor(tag.value / 8);
    if (wire !== 2) {
      const next = tag.next + scalarBytes(reader, tag.next, wire);
      assertWithin(next, end);
      parts.push(reader.bytes(at, next));
      at = next;
      continue;
    }
    const length = reader.varint(tag.next);
    const next = length.next + length.value;
    assertWithin(next, end);
    const entered = fields.enter[field];
    if (entered) {
      const inner = skimmedMessage(reader, length.next, next, entered);
      parts.push(reader.bytes(at, tag.next), varintOf(inner.length), inner);
    } else if (!fields.drop?.has(field) || length.value <= smallBytes) {
      parts.push(reader.bytes(at, next));
    }
    at = next;
  }
  return Buffer.concat(parts);
}

function scalarBytes(reader: PositionReader, at: number, wire: number): number {
  if (wire === 0) return reader.varint(at).next - at;
  if (wire === 1) return 8;
  if (wire === 5) return 4;
  throw new OnnxError('ONNX.NOT_ONNX', `expected a protobuf field, found wire type ${wire}`);
}

function assertWithin(next: number, end: number): void {
  if (next > end) throw new OnnxError('ONNX.TRUNCATED', `a field needs ${next - end} bytes more than there are`);
}

function varintOf(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

/** Reads a file by position through a window of 64 KiB. */
class PositionReader {
  private window = Buffer.alloc(0);
  private windowStart = 0;

  constructor(
    private readonly descriptor: number,
    private readonly size: number,
  ) {}

  bytes(start: number, end: number): Uint8Array {
    this.load(start, end);
    return Uint8Array.from(this.window.subarray(start - this.windowStart, end - this.windowStart));
  }

  /** Up to 10 bytes of 7 bits; lengths and tags stay far below 2^53, larger values are read for their width only. */
  varint(at: number): { value: number; next: number } {
    let value = 0;
    for (let count = 0; count < 10; count++) {
      this.load(at + count, at + count + 1);
      const byte = this.window[at + count - this.windowStart] ?? 0;
      value += (byte & 127) * 128 ** count;
      if (byte < 128) return { value, next: at + count + 1 };
    }
    throw new OnnxError('ONNX.NOT_ONNX', 'expected a varint of at most 10 bytes');
  }

  private load(start: number, end: number): void {
    if (end > this.size)
      throw new OnnxError('ONNX.TRUNCATED', `a field needs ${end - this.size} bytes more than there are`);
    if (start >= this.windowStart && end <= this.windowStart + this.window.length) return;
    const length = Math.min(Math.max(end - start, 65536), this.size - start);
    this.window = Buffer.alloc(length);
    this.windowStart = start;
    const read = readSync(this.descriptor, this.window, 0, length, start);
    if (read < end - start) throw new OnnxError('ONNX.TRUNCATED', 'the file became shorter while it was read');
  }
}
