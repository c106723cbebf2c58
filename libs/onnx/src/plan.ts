import { attributeOf, consumersOf, initializersOf, intAttribute } from './graph.js';
import { DataType } from './model.types.js';
import type { ModelProto, NodeProto, TensorType } from './model.types.js';

/** Operators whose second input, when constant, becomes int8 weights. */
const weighted = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);
/** Operators that get inputs and outputs of their own scale. */
const computing = new Set([
  ...weighted,
  ...[
    'Add',
    'Sub',
    'Mul',
    'Concat',
    'Relu',
    'Clip',
    'LeakyRelu',
    'PRelu',
    'Sigmoid',
    'HardSigmoid',
    'HardSwish',
    'Tanh',
  ],
  ...['AveragePool', 'GlobalAveragePool', 'ReduceMean', 'Pad', 'InstanceNormalization'],
]);
/** Operators that move values or choose among them: the output lies on the input's grid and reuses its scale. */
const moving = new Set([
  ...[
    'MaxPool',
    'GlobalMaxPool',
    'Reshape',
    'Transpose',
    'Flatten',
    'Squeeze',
    'Unsqueeze',
    'Slice',
    'Split',
    'Gather',
    'Expand',
  ],
  ...['Tile', 'Identity', 'Resize', 'DepthToSpace', 'SpaceToDepth'],
]);
const softmaxes = new Set(['Softmax', 'LogSoftmax', 'Hardmax']);
/** A Relu or Clip that alone reads one of these takes over its Q/DQ, so that nothing is rounded twice. */
const fusedActivations = new Set(['Relu', 'Clip']);
const fusesActivation = new Set([...weighted, 'Add', 'Sub', 'Mul']);

export interface PlanOptions {
  excludeNodes: readonly string[];
  quantizeSoftmax: boolean;
  /** Tensors that cannot have a scale, such as those with infinite values. */
  float?: ReadonlySet<string>;
}

export interface QuantizationPlan {
  nodes: Set<NodeProto>;
  /** Each quantised activation and the tensor whose scale it takes (often itself). */
  tensors: Map<string, string>;
}

/** Activation tensors whose ranges a quantisation may ask for: everything a quantisable node reads or makes. */
export function rangeTensors(model: ModelProto, types: Map<string, TensorType>): string[] {
  const weights = initializersOf(model.graph);
  const names = model.graph.node
    .filter((node) => computing.has(node.opType) || moving.has(node.opType) || softmaxes.has(node.opType))
    .flatMap((node) => [...node.input, ...node.output]);
  return [...new Set(names)].filter((name) => types.get(name)?.type === 'float32' && !weights.has(name));
}

/** Which nodes compute in integers and which activations get a scale. The graph must be in topological order. */
export function quantizationPlan(
  model: ModelProto,
  types: Map<string, TensorType>,
  options: PlanOptions,
): QuantizationPlan {
  const weights = initializersOf(model.graph);
  const isActivation = (name: string): boolean => types.get(name)?.type === 'float32' && !weights.has(name);
  const excluded = new Set(options.excludeNodes);
  const candidates = model.graph.node.filter((node) => !node.domain && !excluded.has(node.name ?? ''));
  const float = floatTensors(candidates, options);
  const nodes = new Set<NodeProto>();
  const tensors = new Map<string, string>();

  for (const node of candidates.filter((each) => isComputing(each, options))) {
    const inputs = node.input.filter(isActivation);
    const outputs = node.output.filter(isActivation);
    if (inputs.length === 0 || outputs.length === 0 || [...inputs, ...outputs].some((name) => float.has(name)))
      continue;
    nodes.add(node);
    for (const name of activationsOf(node, isActivation)) tensors.set(name, name);
  }
  for (const node of candidates.filter((each) => moving.has(each.opType))) {
    const source = tensors.get(node.input[0] ?? '');
    if (source === undefined) continue;
    nodes.add(node);
    for (const name of node.output.filter(isActivation)) tensors.set(name, source);
  }
  dropFused(model, nodes, tensors);
  return { nodes, tensors };
}

const isComputing = (node: NodeProto, options: PlanOptions): boolean =>
  computing.has(node.opType) || (options.quantizeSoftmax && softmaxes.has(node.opType));

/** Parameters (Clip bounds, Pad value, slopes, norms) keep their floats; only data inputs are activations. */
function activationsOf(node: NodeProto, isActivation: (name: string) => boolean): string[] {
  const data = node.opType === 'Clip' || node.opType === 'Pad' ? node.input.slice(0, 1) : node.input;
  return [...data, ...node.output].filter(isActivation);
}

/**
 * What stays in float behind a float Softmax: the runtime fuses a Softmax between DQ and Q into an integer kernel, even an
 * excluded one, and shape operators carry the Q back to it.
 */
function floatTensors(nodes: NodeProto[], options: PlanOptions): Set<string> {
  const float = new Set(options.float ?? []);
  for (const node of nodes) {
    const stays = softmaxes.has(node.opType) && !options.quantizeSoftmax;
    const carries = moving.has(node.opType) && float.has(node.input[0] ?? '');
    if (stays || carries) node.output.forEach((name) => float.add(name));
  }
  return float;
}

function dropFused(model: ModelProto, nodes: Set<NodeProto>, tensors: Map<string, string>): void {
  const consumers = consumersOf(model.graph);
  const outputs = new Set(model.graph.output.map((output) => output.name));
  for (const node of nodes) {
    const [output = ''] = node.output;
    const [only, ...others] = consumers.get(output) ?? [];
    if (!fusesActivation.has(node.opType) || !only || others.length > 0 || outputs.has(output)) continue;
    if (nodes.has(only) && fusedActivations.has(only.opType) && only.input[0] === output) tensors.delete(output);
  }
}

/** Along which axis a weight has one scale per output channel; null for one scale in all. */
export function channelAxis(node: NodeProto, rank: number): number | null {
  if (node.opType === 'Conv') return 0;
  if (node.opType === 'ConvTranspose') return intAttribute(node, 'group', 1) === 1 ? 1 : null;
  if (node.opType === 'Gemm') return intAttribute(node, 'transB', 0) ? 0 : 1;
  return rank === 2 ? 1 : null;
}

/** True when the node's third input is a bias that int32 at scale s_in x s_w can hold. */
export function hasIntegerBias(node: NodeProto, biasDims: number[]): boolean {
  if (biasDims.length !== 1) return false;
  if (node.opType === 'Conv' || node.opType === 'ConvTranspose') return true;
  const scaled = ['alpha', 'beta'].some((name) => (attributeOf(node, name)?.f ?? 1) !== 1);
  return node.opType === 'Gemm' && !scaled;
}

export const isWeighted = (node: NodeProto): boolean => weighted.has(node.opType);

/** Operators whose constant operand is quantised like an activation. */
export const hasConstantOperand = (node: NodeProto): boolean => ['Add', 'Sub', 'Mul', 'Concat'].includes(node.opType);

export const isFloatTensor = (dataType: number | undefined): boolean => dataType === DataType.FLOAT;
