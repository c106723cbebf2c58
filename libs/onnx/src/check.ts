import { onnxOperators } from './generated/onnx-operators.js';
import { feedsOf, numberOf, opsetOf, subgraphsOf } from './graph.js';
import { DataType } from './model.types.js';
import type { GraphProto, ModelProto, NodeProto, ValueInfoProto } from './model.types.js';
import { OnnxError, issueOf } from './onnx.errors.js';
import type { Issue } from './onnx.errors.js';

export const opsetLimits = { lowest: 7, highest: 22 } as const;

const quantizedOps =
  /^(QuantizeLinear|DequantizeLinear|DynamicQuantizeLinear|QLinear\w+|QGemm|QAttention|ConvInteger|MatMulInteger|MatMulNBits)$/;

/** What a graph's structure says against converting it; weights are not looked at. All faults, not the first. */
export function structureIssues(model: ModelProto): Issue[] {
  const errors = [...opsetErrors(model), ...externalErrors(model.graph), ...nodesOf(model.graph).flatMap(nodeErrors)];
  return [...errors.map(issueOf), ...model.graph.node.flatMap(subgraphWarnings)];
}

function opsetErrors(model: ModelProto): OnnxError[] {
  const opset = opsetOf(model);
  const { lowest, highest } = opsetLimits;
  if (opset >= lowest && opset <= highest) return [];
  return [
    new OnnxError('ONNX.UNSUPPORTED_OPSET', `expected an opset from ${lowest} to ${highest}, found ${opset}`, {
      hint: 'export the model again with opset 13',
    }),
  ];
}

/** Nodes of the graph and of every graph inside it. */
function nodesOf(graph: GraphProto): NodeProto[] {
  return graph.node.flatMap((node) => [node, ...subgraphsOf(node).flatMap(nodesOf)]);
}

function externalErrors(graph: GraphProto): OnnxError[] {
  const constants = nodesOf(graph).flatMap((node) =>
    (node.attribute ?? []).flatMap((attribute) => (attribute.t ? [attribute.t] : [])),
  );
  const external = [...graph.initializer, ...constants].find((tensor) => tensor.dataLocation === 1);
  if (!external) return [];
  return [
    new OnnxError('ONNX.EXTERNAL_DATA', `the values of ${external.name ?? 'a tensor'} lie in another file`, {
      where: external.name ?? '',
      hint: 'save the model as one file',
    }),
  ];
}

function nodeErrors(node: NodeProto): OnnxError[] {
  const { opType } = node;
  const where = node.name || node.output[0] || opType;
  if (quantizedOps.test(opType)) {
    return [
      new OnnxError('ONNX.ALREADY_QUANTIZED', `node ${where} is ${opType}: expected a float model`, {
        where,
        hint: 'give the float model',
      }),
    ];
  }
  if (node.domain && node.domain !== 'ai.onnx') {
    return [
      new OnnxError('ONNX.CUSTOM_DOMAIN', `node ${where} is ${opType} of domain ${node.domain}: expected ai.onnx`, {
        where,
      }),
    ];
  }
  if (!onnxOperators.has(opType)) {
    return [new OnnxError('ONNX.UNSUPPORTED_OP', `node ${where} is ${opType}: no such operator in ai.onnx`, { where })];
  }
  return [];
}

function subgraphWarnings(node: NodeProto): Issue[] {
  if (subgraphsOf(node).length === 0) return [];
  const where = node.name || node.output[0] || node.opType;
  return [
    {
      code: 'ONNX.SUBGRAPH',
      severity: 'warning',
      message: `${node.opType} ${where} holds a graph that stays in float`,
      where,
    },
  ];
}

// --- inputs

/** Dims as declared: numbers, names, or null where nothing is said. Null when no shape is declared. */
export function declaredShape(value: ValueInfoProto): (number | string | null)[] | null {
  const dims = value.type?.tensorType?.shape?.dim;
  if (!dims) return null;
  return dims.map((dim) => {
    const size = numberOf(dim.dimValue);
    return size > 0 ? size : dim.dimParam ? dim.dimParam : null;
  });
}

/** The fixed shape of each input, or why there is none. A batch nobody fixes becomes 1. */
export function fixedInputShapes(
  model: ModelProto,
  given: Record<string, number[]>,
): { shapes: Map<string, number[]>; errors: OnnxError[] } {
  const inputs = feedsOf(model.graph);
  const shapes = new Map<string, number[]>();
  const errors: OnnxError[] = Object.keys(given)
    .filter((name) => !inputs.some((input) => input.name === name))
    .map((name) =>
      mismatch(name, `the model has no input ${name}; it has ${inputs.map((input) => input.name).join(', ')}`),
    );
  for (const input of inputs) {
    const shape = fixedShape(input, given[input.name]);
    if (shape instanceof OnnxError) errors.push(shape);
    else shapes.set(input.name, shape);
  }
  return { shapes, errors };
}

function fixedShape(input: ValueInfoProto, given: number[] | undefined): number[] | OnnxError {
  const { name } = input;
  const elemType = input.type?.tensorType?.elemType;
  if (elemType !== DataType.FLOAT) {
    return new OnnxError(
      'ONNX.UNSUPPORTED_TYPE',
      `input ${name} expects element type float32 (1), found type ${elemType ?? 'none'}`,
      { where: name },
    );
  }
  const declared = declaredShape(input) ?? given?.map(() => null);
  if (!declared) return shapeRequired(name, 'no shape');
  const text = declared.map((dim) => dim ?? '?').join('x');
  if (
    given &&
    (given.length !== declared.length ||
      given.some((dim, at) => typeof declared[at] === 'number' && declared[at] !== dim))
  ) {
    return mismatch(name, `input ${name} expects ${text}, found ${given.join('x')}`);
  }
  const fixed = declared.map((dim, at) => (typeof dim === 'number' ? dim : (given?.[at] ?? (at === 0 ? 1 : 0))));
  return fixed.every((dim) => Number.isInteger(dim) && dim > 0) ? fixed : shapeRequired(name, text);
}

const mismatch = (name: string, message: string): OnnxError =>
  new OnnxError('ONNX.INPUT_MISMATCH', message, { where: name });

const shapeRequired = (name: string, found: string): OnnxError =>
  new OnnxError('ONNX.SHAPE_REQUIRED', `input ${name} expects fixed dims, found ${found}`, {
    where: name,
    hint: 'give the shape of this input',
  });
