import { dimsOf, floatsOf, initializersOf, opsetOf, withoutUnusedWeights } from './graph.js';
import { DataType } from './model.types.js';
import type { ModelProto, NodeProto, TensorProto } from './model.types.js';
import { OnnxError } from './onnx.errors.js';
import {
  channelAxis,
  hasConstantOperand,
  hasIntegerBias,
  isFloatTensor,
  isWeighted,
  quantizationPlan,
} from './plan.js';
import type { QuantizationPlan } from './plan.js';
import { QdqWriter } from './qdq.writer.js';
import { activationScale, weightGrid } from './scales.js';
import type { Range, Ranges, Scale, Scheme } from './scales.js';
import { tensorTypes } from './session.js';

export interface QuantizeOptions {
  /** Integers of the activations; weights are int8 in both. Default int8. */
  datapath?: 'int8' | 'int16';
  /** Of the activations; weights are always symmetric. Default asymmetric (unsigned integers). */
  scheme?: Scheme;
  /** One scale per output channel of a weight. Default true. */
  perChannel?: boolean;
  /** Names of nodes that stay in float. */
  excludeNodes?: readonly string[];
  /** Default false: the runtime's integer Softmax returned zeros where its output scale was tiny. */
  quantizeSoftmax?: boolean;
}

export interface QuantizedTensor {
  name: string;
  min: number;
  max: number;
  scale: number;
  zeroPoint: number;
  type: 'uint8' | 'int8' | 'uint16' | 'int16';
  /** The tensor whose scale it reuses. */
  sharedWith?: string;
}

export interface QuantizedWeight {
  name: string;
  axis: number | null;
  scales: number[];
  type: 'int8';
}

export interface QuantizationSummary {
  tensors: QuantizedTensor[];
  weights: QuantizedWeight[];
  biases: { name: string; node: string }[];
  /** Count by operator. */
  nodesQuantized: Record<string, number>;
  nodesFloat: Record<string, number>;
}

export interface QuantizedModel {
  model: ModelProto;
  summary: QuantizationSummary;
}

/**
 * Static int8 in the QDQ form: every quantised activation passes QuantizeLinear and DequantizeLinear and keeps its name
 * behind them, so that the float and the integer model compare tensor by tensor.
 * @param model as `optimizeModel` gives it
 * @param ranges as `collectRanges` gives them; a tensor without a finite range stays in float
 * @returns a model marked `kind=reference` in its metadata. Rejects with ONNX.NOTHING_TO_QUANTIZE.
 */
export async function quantizeModel(
  model: ModelProto,
  ranges: Ranges,
  options: QuantizeOptions = {},
): Promise<QuantizedModel> {
  const types = await tensorTypes(model);
  const float = new Set([...types.keys()].filter((name) => !isFinite(ranges.get(name))));
  const plan = quantizationPlan(model, types, {
    excludeNodes: options.excludeNodes ?? [],
    quantizeSoftmax: options.quantizeSoftmax ?? false,
    float,
  });
  if (plan.nodes.size === 0) {
    throw new OnnxError('ONNX.NOTHING_TO_QUANTIZE', 'no node of the model can compute in integers');
  }
  const scales = activationScales(plan, ranges, options);
  const writer = new QdqWriter(model, scales, opsetOf(model));
  const summary = emptySummary(plan, scales, ranges);
  const constants = initializersOf(model.graph);
  for (const node of model.graph.node) {
    if (plan.nodes.has(node)) writer.add(withConstants(node, { constants, scales, writer, summary, options }));
    else writer.add(node);
    count(plan.nodes.has(node) ? summary.nodesQuantized : summary.nodesFloat, node.opType);
  }
  const graph = withoutUnusedWeights({ ...model.graph, ...writer.graph() });
  return { model: asReference({ ...model, graph, opsetImport: writer.opsetImport(model.opsetImport) }), summary };
}

const isFinite = (range: Range | undefined): boolean =>
  range !== undefined && Number.isFinite(range.min) && Number.isFinite(range.max);

const bitsOf = (options: QuantizeOptions): 8 | 16 => (options.datapath === 'int16' ? 16 : 8);

function activationScales(plan: QuantizationPlan, ranges: Ranges, options: QuantizeOptions): Map<string, Scale> {
  const scaleOf = (source: string): Scale =>
    activationScale(ranges.get(source) ?? { min: 0, max: 0 }, options.scheme ?? 'asymmetric', bitsOf(options));
  return new Map([...plan.tensors].map(([name, source]) => [name, scaleOf(source)]));
}

function emptySummary(plan: QuantizationPlan, scales: Map<string, Scale>, ranges: Ranges): QuantizationSummary {
  const tensors = [...plan.tensors].map(([name, source]): QuantizedTensor => {
    const { scale, zeroPoint, dataType } = scales.get(name) as Scale;
    const { min, max } = ranges.get(source) as Range;
    const shared = source === name ? {} : { sharedWith: source };
    return { name, min, max, scale, zeroPoint, type: typeNames[dataType] ?? 'uint8', ...shared };
  });
  return { tensors, weights: [], biases: [], nodesQuantized: {}, nodesFloat: {} };
}

const typeNames: Record<number, QuantizedTensor['type'] | undefined> = {
  [DataType.UINT8]: 'uint8',
  [DataType.INT8]: 'int8',
  [DataType.UINT16]: 'uint16',
  [DataType.INT16]: 'int16',
};

function count(counts: Record<string, number>, op: string): void {
  counts[op] = (counts[op] ?? 0) + 1;
}

interface Quantizing {
  constants: Map<string, TensorProto>;
  scales: Map<string, Scale>;
  writer: QdqWriter;
  summary: QuantizationSummary;
  options: QuantizeOptions;
}

interface Constant {
  name: string;
  dims: number[];
  values: Float32Array;
}

function floatConstant(name: string | undefined, constants: Map<string, TensorProto>): Constant | undefined {
  const tensor = constants.get(name ?? '');
  if (!tensor || !isFloatTensor(tensor.dataType)) return undefined;
  return { name: tensor.name ?? '', dims: dimsOf(tensor), values: floatsOf(tensor) };
}

/** The node reading integer weights, an integer bias or integer constants in place of the float ones. */
function withConstants(node: NodeProto, quantizing: Quantizing): NodeProto {
  if (isWeighted(node)) return withWeights(node, quantizing);
  if (!hasConstantOperand(node)) return node;
  const { constants, writer, options } = quantizing;
  const input = node.input.map((name) => {
    const operand = floatConstant(name, constants);
    return operand ? writer.constant(operand, options.scheme ?? 'asymmetric', bitsOf(options)) : name;
  });
  return { ...node, input };
}

function withWeights(node: NodeProto, { constants, scales, writer, summary, options }: Quantizing): NodeProto {
  const weight = floatConstant(node.input[1], constants);
  if (!weight) return node;
  const axis = (options.perChannel ?? true) ? channelAxis(node, weight.dims.length) : null;
  const grid = writer.weight(weight, axis, () => {
    const made = weightGrid(weight.values, weight.dims, axis, options.scheme ?? 'asymmetric');
    summary.weights.push({ name: weight.name, axis, scales: made.scales, type: 'int8' });
    return made;
  });
  const input = [...node.input];
  input[1] = grid.name;
  const bias = floatConstant(input[2], constants);
  const inputScale = scales.get(input[0] ?? '')?.scale;
  if (bias && inputScale !== undefined && hasIntegerBias(node, bias.dims)) {
    const name = writer.bias(`${node.name ?? ''}__bias`, bias.values, grid.scales, inputScale);
    if (name) {
      input[2] = name;
      summary.biases.push({ name: bias.name, node: node.name ?? '' });
    }
  }
  return { ...node, input };
}

function asReference(model: ModelProto): ModelProto {
  const kept = (model.metadataProps ?? []).filter((entry) => entry.key !== 'kind');
  return { ...model, metadataProps: [...kept, { key: 'kind', value: 'reference' }] };
}
