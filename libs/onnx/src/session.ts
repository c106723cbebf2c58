import './no-usage-reporting.js';
import * as ort from 'onnxruntime-node';
import { prunedTo } from './graph.js';
import { encodeModel } from './model.codec.js';
import type { ModelProto, TensorType } from './model.types.js';
import { OnnxError } from './onnx.errors.js';

/** The values of each fed input, in the input's ONNX shape, row-major. */
export type Sample = Record<string, Float32Array>;

/**
 * `run` of the runtime blocks the thread it is called on: long work belongs in a process of its own. Figures are always
 * computed on one thread: the runtime splits small convolutions by thread count, and their sums then differ in the last bit.
 */
export interface RunOptions {
  /** Looked at between runs; an abort rejects with its reason. */
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

export interface SessionOptions {
  threads?: number | undefined;
  optimization?: 'disabled' | 'basic' | 'all';
  /** The runtime writes the optimised model here. */
  optimizedModelFilePath?: string;
}

/** Arena and memory pattern off: the peak halves at 640x640 and nothing gets slower. Rejects with ONNX.INVALID_GRAPH or ONNX.UNSUPPORTED_OP. */
export async function openSession(model: ModelProto, options: SessionOptions = {}): Promise<ort.InferenceSession> {
  const { threads = 1, optimization = 'disabled', ...rest } = options;
  try {
    return await ort.InferenceSession.create(encodeModel(model), {
      ...rest,
      graphOptimizationLevel: optimization,
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      enableCpuMemArena: false,
      enableMemPattern: false,
      logSeverityLevel: 4,
    });
  } catch (cause) {
    throw loadError(cause);
  }
}

/** The runtime knows an operator of each opset or not; which one it names in words. */
function loadError(cause: unknown): OnnxError {
  const text = textOf(cause);
  const missing = /No Op registered for (\w+)|Could not find an implementation for (\w+)/.exec(text);
  if (!missing) return new OnnxError('ONNX.INVALID_GRAPH', `the runtime refuses the model: ${text}`, { cause });
  const node = /node with name '([^']+)'|node name: (\S+)/.exec(text);
  const where = node?.[1] ?? node?.[2] ?? missing[1] ?? missing[2] ?? '';
  return new OnnxError('ONNX.UNSUPPORTED_OP', `the runtime has no such operator at this opset: ${text}`, {
    cause,
    where,
  });
}

/** What a model gives for one sample: float outputs by name. Outputs of other types are left out. */
export async function outputsFor(
  session: ort.InferenceSession,
  sample: Sample,
  shapes: Map<string, number[]>,
): Promise<Map<string, Float32Array>> {
  const results = await session.run(feedsFor(sample, shapes));
  const floats = Object.entries(results).filter(([, value]) => value.type === 'float32');
  return new Map(floats.map(([name, value]) => [name, value.data as Float32Array]));
}

export function feedsFor(sample: Sample, shapes: Map<string, number[]>): Record<string, ort.Tensor> {
  const feeds = [...shapes].map(([name, shape]) => {
    const data = sample[name];
    if (!data || data.length !== shape.reduce((a, b) => a * b, 1)) {
      const found = data ? `${data.length} values` : 'nothing';
      throw new OnnxError('ONNX.INPUT_MISMATCH', `input ${name} expects shape ${shape.join('x')}, found ${found}`, {
        where: name,
      });
    }
    return [name, new ort.Tensor('float32', data, shape)] as const;
  });
  return Object.fromEntries(feeds);
}

/** Shapes of the inputs of a session whose dims are fixed. */
export function inputShapes(session: ort.InferenceSession): Map<string, number[]> {
  return new Map(
    session.inputMetadata.flatMap((input) => (input.isTensor ? [[input.name, input.shape.map(Number)] as const] : [])),
  );
}

/**
 * Type and shape of every tensor a node makes and of every input, without running: each becomes a graph output and
 * the runtime's own inference is read back.
 */
export async function tensorTypes(model: ModelProto): Promise<Map<string, TensorType>> {
  const names = [...new Set(model.graph.node.flatMap((node) => node.output))].filter((name) => name !== '');
  const session = await openSession(
    prunedTo(
      model,
      names.map((name) => ({ name })),
    ),
  );
  try {
    const all = [...session.inputMetadata, ...session.outputMetadata];
    return new Map(
      all.flatMap((value) => (value.isTensor ? [[value.name, { type: value.type, shape: [...value.shape] }]] : [])),
    );
  } finally {
    await session.release();
  }
}

export const textOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).slice(0, 400);
