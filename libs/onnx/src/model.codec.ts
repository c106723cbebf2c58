import { readFile } from 'node:fs/promises';
import protobuf from 'protobufjs';
import { onnxProto } from './generated/onnx-proto.js';
import type { ModelProto } from './model.types.js';
import { OnnxError } from './onnx.errors.js';

const modelType = protobuf.Root.fromJSON(onnxProto).lookupType('onnx.ModelProto');

/** The model in `bytes`. Rejects with ONNX.EMPTY_FILE, ONNX.TRUNCATED or ONNX.NOT_ONNX. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  if (bytes.length === 0) throw new OnnxError('ONNX.EMPTY_FILE', 'expected an ONNX model, found an empty file');
  let model: ModelProto;
  try {
    model = modelType.decode(bytes) as unknown as ModelProto;
  } catch (cause) {
    if (cause instanceof RangeError && startsLikeOnnx(bytes)) {
      throw new OnnxError('ONNX.TRUNCATED', `the file ends inside a field, after ${bytes.length} bytes`, { cause });
    }
    throw new OnnxError('ONNX.NOT_ONNX', 'expected an ONNX model, found bytes that are not one', { cause });
  }
  assertModel(model);
  return model;
}

/** Almost any bytes can decode as an empty message: a model has a graph with nodes and outputs, and an opset. */
export function assertModel(model: Partial<ModelProto>): asserts model is ModelProto {
  const graph = model.graph;
  if (!graph || graph.output.length === 0 || !model.opsetImport?.length) {
    throw new OnnxError('ONNX.NOT_ONNX', 'expected a graph with outputs and an opset, found none');
  }
}

/** True when the first fields are those a ModelProto begins with: ir_version as varint, or a small string field. */
export function startsLikeOnnx(bytes: Uint8Array): boolean {
  return bytes[0] === 0x08 && bytes[1] !== undefined && bytes[1] > 0 && bytes[1] < 32;
}

export function encodeModel(model: ModelProto): Uint8Array {
  return modelType.encode(model).finish();
}

/** Reads and decodes a file; see `decodeModel`. */
export async function loadModel(path: string): Promise<ModelProto> {
  return decodeModel(await readFile(path));
}
