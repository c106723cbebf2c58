import { fixedInputShapes, structureIssues } from './check.js';
import {
  attributeOf,
  dimsOf,
  feedsOf,
  initializersOf,
  intAttribute,
  numberOf,
  opsetOf,
  sizeOf,
  valueInfo,
} from './graph.js';
import type { ModelProto, NodeProto, TensorType } from './model.types.js';
import { OnnxError } from './onnx.errors.js';
import type { Issue, OnnxErrorCode } from './onnx.errors.js';
import { feedsFor, openSession, tensorTypes, textOf } from './session.js';

export interface Port {
  name: string;
  shape: number[];
  /** The runtime's name, e.g. `float32`. */
  type: string;
}

export interface ModelStats {
  nodes: number;
  params: number;
  /** Multiply-accumulates of Conv, ConvTranspose, Gemm and MatMul for one run. */
  macs: number;
  opset: number;
  producer: string;
}

export interface ValidatedModel {
  /** The model with fixed input dims and no initialiser among its inputs. */
  model: ModelProto;
  inputs: Port[];
  outputs: Port[];
  /** Warnings only. */
  issues: Issue[];
  stats: ModelStats;
}

/**
 * Accepts a model for conversion or throws the OnnxError that says why not. One run on zeros is part of it: a wrong
 * channel count passes loading.
 * @param options.shapes dims of inputs that leave them open, by input name
 */
export async function validateModel(
  model: ModelProto,
  options: { shapes?: Record<string, number[]> } = {},
): Promise<ValidatedModel> {
  const issues = structureIssues(model);
  throwFirst(issues);
  const { shapes, errors } = fixedInputShapes(model, options.shapes ?? {});
  if (errors[0]) throw errors[0];
  const fixed = withInputShapes(model, shapes);
  const outputs = await outputsOnZeros(fixed, shapes);
  const types = await tensorTypes(fixed);
  const inputs = [...shapes].map(([name, shape]) => ({ name, shape, type: 'float32' }));
  return { model: fixed, inputs, outputs, issues, stats: statsOf(fixed, types) };
}

function throwFirst(issues: Issue[]): void {
  const { code, message, ...place } = issues.find((issue) => issue.severity === 'error') ?? {};
  if (code && message) throw new OnnxError(code as OnnxErrorCode, message, place);
}

/**
 * Inputs get these dims. Initialisers listed as inputs (IR below 4) are taken off the list, or they could be overridden
 * and would not fold. Shapes written elsewhere may contradict the new dims and are dropped; the runtime infers them.
 */
function withInputShapes(model: ModelProto, shapes: Map<string, number[]>): ModelProto {
  const input = feedsOf(model.graph).map((each) => valueInfo(each.name, shapes.get(each.name) ?? []));
  const output = model.graph.output.map((each) => {
    const elemType = each.type?.tensorType?.elemType;
    return elemType ? { name: each.name, type: { tensorType: { elemType } } } : { name: each.name };
  });
  const irVersion = Math.max(numberOf(model.irVersion), 4);
  return { ...model, irVersion, graph: { ...model.graph, input, output, valueInfo: [] } };
}

async function outputsOnZeros(model: ModelProto, shapes: Map<string, number[]>): Promise<Port[]> {
  const zeros = Object.fromEntries([...shapes].map(([name, shape]) => [name, new Float32Array(sizeOf(shape))]));
  const session = await openSession(model);
  try {
    const results = await session.run(feedsFor(zeros, shapes));
    return session.outputNames.map((name) => {
      const value = results[name];
      return { name, shape: [...(value?.dims ?? [])], type: value?.type ?? 'float32' };
    });
  } catch (cause) {
    const text = [...shapes].map(([name, shape]) => `${name} ${shape.join('x')}`).join(', ');
    throw new OnnxError('ONNX.INPUT_MISMATCH', `the model does not run on ${text}: ${textOf(cause)}`, {
      cause,
      where: [...shapes.keys()][0] ?? '',
      hint: 'check the channel count and size of the input',
    });
  } finally {
    await session.release();
  }
}

// --- figures

function statsOf(model: ModelProto, types: Map<string, TensorType>): ModelStats {
  const weights = initializersOf(model.graph);
  const shapeOf = (name = ''): number[] => {
    const weight = weights.get(name);
    return weight ? dimsOf(weight) : (types.get(name)?.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : 1));
  };
  return {
    nodes: model.graph.node.length,
    params: paramsOf(model),
    macs: model.graph.node.reduce((sum, node) => sum + macsOf(node, shapeOf), 0),
    opset: opsetOf(model),
    producer: [model.producerName, model.producerVersion].filter(Boolean).join(' '),
  };
}

/** Values held in initialisers and Constant nodes. */
export function paramsOf(model: ModelProto): number {
  const constants = model.graph.node.flatMap((node) => attributeOf(node, 'value')?.t ?? []);
  return [...model.graph.initializer, ...constants].reduce((sum, tensor) => sum + sizeOf(dimsOf(tensor)), 0);
}

function macsOf(node: NodeProto, shapeOf: (name?: string) => number[]): number {
  const [input, weight] = node.input.map((name) => shapeOf(name));
  const output = sizeOf(shapeOf(node.output[0]));
  if (!input || !weight) return 0;
  if (node.opType === 'Conv') return output * sizeOf(weight.slice(1));
  if (node.opType === 'ConvTranspose') return sizeOf(input) * sizeOf(weight.slice(1));
  if (node.opType === 'MatMul') return output * (input.at(-1) ?? 0);
  if (node.opType === 'Gemm') return output * (input[intAttribute(node, 'transA', 0) ? 0 : 1] ?? 0);
  return 0;
}
