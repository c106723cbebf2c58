import {
  attr,
  attributeOf,
  floatAttribute,
  floatsAttribute,
  floatTensor,
  int64Tensor,
  intAttribute,
  intsAttribute,
} from './graph.js';
import { nodeOf, numberOf, opsetOf, sizeOf, stringAttribute } from './graph.js';
import type { ModelProto, NodeProto, TensorProto, TensorType } from './model.types.js';
import { OnnxError } from './onnx.errors.js';

/** Per-channel QuantizeLinear and DequantizeLinear exist from here on. */
export const targetOpset = 13;

/** What one node's upgrade may add or look up. */
interface Upgrading {
  opset: number;
  types: Map<string, TensorType>;
  /** Adds an initialiser and gives its name. */
  weight(tensor: TensorProto): string;
}

type Upgrade = (node: NodeProto, graph: Upgrading) => NodeProto[];

/**
 * The model at opset 13 when it is older; unchanged otherwise. Source of each change: the ONNX changelog of the operator.
 * @param types type and shape of every tensor (see `tensorTypes`); needed where a default depends on the rank.
 */
export function upgradedModel(model: ModelProto, types: Map<string, TensorType>): ModelProto {
  const opset = opsetOf(model);
  const added: TensorProto[] = [];
  const graph: Upgrading = {
    opset,
    types,
    weight(tensor) {
      added.push(tensor);
      return tensor.name ?? '';
    },
  };
  const node = model.graph.node.flatMap((before) => upgradedNode(before, graph));
  if (opset >= targetOpset) return { ...model, graph: { ...model.graph, node } };
  const others = model.opsetImport.filter((entry) => entry.domain && entry.domain !== 'ai.onnx');
  return {
    ...model,
    irVersion: Math.max(numberOf(model.irVersion), 7),
    opsetImport: [{ domain: '', version: targetOpset }, ...others],
    graph: { ...model.graph, node, initializer: [...model.graph.initializer, ...added] },
  };
}

function upgradedNode(node: NodeProto, graph: Upgrading): NodeProto[] {
  const rule = upgrades[node.opType];
  return rule && graph.opset < rule.below ? rule.apply(node, graph) : [node];
}

const upgrades: Record<string, { below: number; apply: Upgrade } | undefined> = {
  Dropout: { below: Infinity, apply: withoutDropout },
  BatchNormalization: { below: 9, apply: withoutSpatial },
  Upsample: { below: 10, apply: upsampleAsResize },
  Resize: { below: 11, apply: resizeWithRoi },
  Slice: { below: 10, apply: (node, graph) => [attributesToInputs(node, graph, ['starts', 'ends', 'axes'])] },
  TopK: { below: 10, apply: topKWithInput },
  Clip: { below: 11, apply: clipWithInputs },
  Pad: { below: 11, apply: padWithInputs },
  Scatter: { below: 11, apply: (node) => [{ ...node, opType: 'ScatterElements' }] },
  Squeeze: { below: 13, apply: (node, graph) => [attributesToInputs(node, graph, ['axes'])] },
  Unsqueeze: { below: 13, apply: (node, graph) => [attributesToInputs(node, graph, ['axes'])] },
  ReduceSum: { below: 13, apply: (node, graph) => [attributesToInputs(node, graph, ['axes'])] },
  Split: { below: 13, apply: (node, graph) => [attributesToInputs(node, graph, ['split'])] },
  Softmax: { below: 13, apply: softmaxOnOneAxis },
  LogSoftmax: { below: 13, apply: softmaxOnOneAxis },
  Hardmax: { below: 13, apply: softmaxOnOneAxis },
};

const without = (node: NodeProto, names: string[]): NodeProto => ({
  ...node,
  attribute: (node.attribute ?? []).filter((attribute) => !names.includes(attribute.name)),
});

const named = (node: NodeProto, what: string): string => `${node.output[0] ?? ''}__${what}`;

/** Attributes that hold integer lists become inputs, in this order. */
function attributesToInputs(node: NodeProto, graph: Upgrading, names: string[]): NodeProto {
  const inputs = names.map((name) => {
    const values = intsAttribute(node, name);
    return values ? graph.weight(int64Tensor(named(node, name), values)) : '';
  });
  while (inputs.at(-1) === '') inputs.pop();
  return { ...without(node, names), input: [...node.input, ...inputs] };
}

function withoutDropout(node: NodeProto, graph: Upgrading): NodeProto[] {
  if (node.output[1]) {
    if (graph.opset >= targetOpset) return [node];
    throw new OnnxError('ONNX.UNSUPPORTED_OP', 'Dropout with a used mask cannot be raised to opset 13', {
      where: node.name ?? '',
    });
  }
  return [nodeOf('Identity', node.input.slice(0, 1), node.output.slice(0, 1), [], node.name)];
}

function withoutSpatial(node: NodeProto): NodeProto[] {
  if (intAttribute(node, 'spatial', 1) !== 1) {
    throw new OnnxError('ONNX.UNSUPPORTED_OP', 'BatchNormalization with spatial=0 has no form in opset 13', {
      where: node.name ?? '',
    });
  }
  return [without(node, ['spatial'])];
}

/** Upsample scales by whole cells: the asymmetric coordinates of Resize, rounded down. */
const wholeCells = [attr('coordinate_transformation_mode', 'asymmetric'), attr('nearest_mode', 'floor')];

function upsampleAsResize(node: NodeProto, graph: Upgrading): NodeProto[] {
  const listed = floatsAttribute(node, 'scales');
  const scales = listed
    ? graph.weight(floatTensor(named(node, 'scales'), [listed.length], listed))
    : (node.input[1] ?? '');
  const mode = stringAttribute(node, 'mode', 'nearest') === 'nearest' ? 'nearest' : 'linear';
  return [
    nodeOf('Resize', [node.input[0] ?? '', '', scales], node.output, [attr('mode', mode), ...wholeCells], node.name),
  ];
}

function resizeWithRoi(node: NodeProto): NodeProto[] {
  const [data = '', scales = ''] = node.input;
  return [{ ...node, input: [data, '', scales], attribute: [...(node.attribute ?? []), ...wholeCells] }];
}

function topKWithInput(node: NodeProto, graph: Upgrading): NodeProto[] {
  const k = graph.weight(int64Tensor(named(node, 'k'), [intAttribute(node, 'k', 1)]));
  return [{ ...without(node, ['k']), input: [node.input[0] ?? '', k] }];
}

function clipWithInputs(node: NodeProto, graph: Upgrading): NodeProto[] {
  const bounds = ['min', 'max'].map((name) => {
    if (!attributeOf(node, name)) return '';
    return graph.weight(floatTensor(named(node, name), [], [floatAttribute(node, name, 0)]));
  });
  while (bounds.at(-1) === '') bounds.pop();
  return [{ ...without(node, ['min', 'max']), input: [...node.input, ...bounds] }];
}

function padWithInputs(node: NodeProto, graph: Upgrading): NodeProto[] {
  const value = graph.weight(floatTensor(named(node, 'value'), [], [floatAttribute(node, 'value', 0)]));
  const padded = attributesToInputs(node, graph, ['pads']);
  return [{ ...without(padded, ['value']), input: [...padded.input, value] }];
}

/**
 * Below 13 Softmax flattens to [before axis, axis and after] and normalises the second; from 13 on it normalises one
 * axis. They agree when nothing follows the axis; otherwise the flattening is written out.
 */
function softmaxOnOneAxis(node: NodeProto, graph: Upgrading): NodeProto[] {
  const [input = ''] = node.input;
  const [output = ''] = node.output;
  const shape = graph.types.get(output)?.shape ?? [];
  const given = intAttribute(node, 'axis', 1);
  const axis = given < 0 ? given + shape.length : given;
  const known = shape.filter((dim): dim is number => typeof dim === 'number');
  if (known.length !== shape.length || shape.length === 0) {
    throw new OnnxError('ONNX.SHAPE_REQUIRED', `${node.opType} needs the shape of ${output}`, {
      where: node.name ?? output,
    });
  }
  const bare = without(node, ['axis']);
  if (sizeOf(known.slice(axis + 1)) === 1) return [{ ...bare, attribute: [attr('axis', axis)] }];
  const flat = graph.weight(
    int64Tensor(named(node, 'flat'), [sizeOf(known.slice(0, axis)), sizeOf(known.slice(axis))]),
  );
  const back = graph.weight(int64Tensor(named(node, 'shape'), known));
  return [
    nodeOf('Reshape', [input, flat], [named(node, 'in')]),
    { ...bare, input: [named(node, 'in')], output: [named(node, 'out')], attribute: [attr('axis', 1)] },
    nodeOf('Reshape', [named(node, 'out'), back], [output]),
  ];
}
