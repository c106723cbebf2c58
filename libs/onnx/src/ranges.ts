import type { InferenceSession } from 'onnxruntime-node';
import { attr, nodeOf, prunedTo, sizeOf } from './graph.js';
import { clippedByMass, clippedByError, histogramOf } from './histogram.js';
import type { Histogram } from './histogram.js';
import type { ModelProto, TensorType } from './model.types.js';
import { rangeTensors } from './plan.js';
import type { Range, Ranges } from './scales.js';
import { inputShapes, openSession, outputsFor, tensorTypes } from './session.js';
import type { RunOptions, Sample } from './session.js';

export interface RangeOptions extends RunOptions {
  /**
   * `minmax`: everything seen. `percentage`: the middle part of the values, outliers cut at both ends. `mse`: the cut with
   * the least squared error of rounding and clipping together.
   */
  method: 'minmax' | 'percentage' | 'mse';
  /** Part of the values kept by `percentage`, above 0 and at most 1. Default 0.999. */
  percentage?: number;
  /** Width of the integers `mse` weighs. Default 8. */
  bits?: 8 | 16;
}

/** Float activations held at once while histograms are made, in bytes. */
const groupBytes = 64 * 2 ** 20;

/** The range of every activation a quantisation may ask for, over all samples. */
export async function collectRanges(model: ModelProto, samples: Sample[], options: RangeOptions): Promise<Ranges> {
  const types = await tensorTypes(model);
  const names = rangeTensors(model, types);
  if (names.length === 0) return new Map();
  const groups = options.method === 'minmax' ? [] : groupsWithin(names, types, groupBytes);
  const total = samples.length * (1 + groups.length);
  let done = 0;
  const step = (): void => options.onProgress?.(++done, total);
  const ranges = await minMaxRanges(model, names, samples, options, step);
  for (const group of groups) {
    const histograms = await histogramsOf(model, group, ranges, samples, options, step);
    for (const [name, histogram] of histograms) ranges.set(name, clipped(histogram, options));
  }
  return ranges;
}

function clipped(histogram: Histogram, options: RangeOptions): Range {
  if (options.method === 'percentage') return clippedByMass(histogram, options.percentage ?? 0.999);
  return clippedByError(histogram, 2 ** (options.bits ?? 8) - 1);
}

/** Each tensor is reduced to two scalars inside the graph: only those leave the runtime. */
async function minMaxRanges(
  model: ModelProto,
  names: string[],
  samples: Sample[],
  options: RunOptions,
  step: () => void,
): Promise<Ranges> {
  const ranges: Ranges = new Map(names.map((name) => [name, { min: Infinity, max: -Infinity }]));
  await forEachSample(withReductions(model, names), samples, options, (outputs) => {
    names.forEach((name, at) => {
      const low = outputs.get(`range_min_${at}`)?.[0] ?? NaN;
      const high = outputs.get(`range_max_${at}`)?.[0] ?? NaN;
      const { min, max } = ranges.get(name) ?? { min: low, max: high };
      ranges.set(name, { min: Math.min(min, low), max: Math.max(max, high) });
    });
    step();
  });
  return ranges;
}

function withReductions(model: ModelProto, names: string[]): ModelProto {
  const reductions = names.flatMap((name, at) => [
    nodeOf('ReduceMin', [name], [`range_min_${at}`], [attr('keepdims', 0)]),
    nodeOf('ReduceMax', [name], [`range_max_${at}`], [attr('keepdims', 0)]),
  ]);
  const output = reductions.flatMap((node) => node.output.map((name) => ({ name })));
  return prunedTo({ ...model, graph: { ...model.graph, node: [...model.graph.node, ...reductions] } }, output);
}

async function histogramsOf(
  model: ModelProto,
  names: string[],
  ranges: Ranges,
  samples: Sample[],
  options: RunOptions,
  step: () => void,
): Promise<Map<string, Histogram>> {
  const histograms = new Map(names.map((name) => [name, histogramOf(ranges.get(name) ?? { min: 0, max: 0 })]));
  await forEachSample(prunedTo(model, exposed(model, names)), samples, options, (outputs, sample) => {
    for (const [name, histogram] of histograms) histogram.add(outputs.get(name) ?? sample[name] ?? []);
    step();
  });
  return histograms;
}

/** Graph inputs are known already and cannot be outputs. */
function exposed(model: ModelProto, names: string[]): { name: string }[] {
  const inputs = new Set(model.graph.input.map((input) => input.name));
  const made = names.filter((name) => !inputs.has(name)).map((name) => ({ name }));
  return made.length > 0 ? made : model.graph.output;
}

export async function forEachSample(
  model: ModelProto,
  samples: Sample[],
  options: RunOptions,
  visit: (outputs: Map<string, Float32Array>, sample: Sample) => void,
): Promise<void> {
  const session: InferenceSession = await openSession(model, { optimization: 'basic' });
  try {
    const shapes = inputShapes(session);
    for (const sample of samples) {
      options.signal?.throwIfAborted();
      visit(await outputsFor(session, sample, shapes), sample);
    }
  } finally {
    await session.release();
  }
}

/** Names in order, in groups whose float values fit in `bytes`; a tensor larger than that is a group of its own. */
export function groupsWithin(names: string[], types: Map<string, TensorType>, bytes: number): string[][] {
  const groups: string[][] = [];
  let room = 0;
  for (const name of names) {
    const size = 4 * sizeOf((types.get(name)?.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : 1)));
    if (size > room || groups.length === 0) {
      groups.push([]);
      room = bytes;
    }
    groups.at(-1)?.push(name);
    room -= size;
  }
  return groups;
}
