import { AttributeType, DataType } from './model.types.js';
import type {
  AttributeProto,
  GraphProto,
  Int64,
  ModelProto,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from './model.types.js';

export function numberOf(value: Int64 | null | undefined): number {
  if (value === null || value === undefined) return 0;
  return typeof value === 'number' ? value : value.toNumber();
}

// --- attributes

export function attributeOf(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute?.find((attribute) => attribute.name === name);
}

export function intAttribute(node: NodeProto, name: string, fallback: number): number {
  const attribute = attributeOf(node, name);
  return attribute ? numberOf(attribute.i) : fallback;
}

export function floatAttribute(node: NodeProto, name: string, fallback: number): number {
  return attributeOf(node, name)?.f ?? fallback;
}

export function intsAttribute(node: NodeProto, name: string): number[] | undefined {
  return attributeOf(node, name)?.ints?.map(numberOf);
}

export function floatsAttribute(node: NodeProto, name: string): number[] | undefined {
  return attributeOf(node, name)?.floats;
}

export function stringAttribute(node: NodeProto, name: string, fallback: string): string {
  const attribute = attributeOf(node, name);
  return attribute?.s ? Buffer.from(attribute.s).toString('utf8') : fallback;
}

/** An attribute as the protobuf wants it: integers, lists of integers, text. Floats: `floatAttr`. */
export function attr(name: string, value: number | number[] | string): AttributeProto {
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: Buffer.from(value) };
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: value };
  return { name, type: AttributeType.INTS, ints: value };
}

export function floatAttr(name: string, value: number): AttributeProto {
  return { name, type: AttributeType.FLOAT, f: value };
}

export function nodeOf(
  opType: string,
  input: string[],
  output: string[],
  attribute: AttributeProto[] = [],
  name = `${opType}_${output[0] ?? ''}`,
): NodeProto {
  return { name, opType, input, output, attribute };
}

// --- tensors

type Numbers = ArrayLike<number> & { buffer: ArrayBufferLike; byteOffset: number; byteLength: number };

function rawTensor(name: string, dims: number[], dataType: number, data: Numbers): TensorProto {
  return { name, dims, dataType, rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

export const floatTensor = (name: string, dims: number[], data: ArrayLike<number>): TensorProto =>
  rawTensor(name, dims, DataType.FLOAT, Float32Array.from(data));

export const int64Tensor = (name: string, data: number[]): TensorProto => {
  const values = BigInt64Array.from(data.map((value) => BigInt(value)));
  return { name, dims: [data.length], dataType: DataType.INT64, rawData: new Uint8Array(values.buffer) };
};

/** Integers of the quantised model; `dataType` is one of UINT8, INT8, UINT16, INT16, INT32. */
export function integerTensor(name: string, dims: number[], dataType: number, data: ArrayLike<number>): TensorProto {
  return rawTensor(name, dims, dataType, integerArray(dataType, data));
}

function integerArray(dataType: number, data: ArrayLike<number>): Numbers {
  if (dataType === DataType.UINT8) return Uint8Array.from(data);
  if (dataType === DataType.INT8) return Int8Array.from(data);
  if (dataType === DataType.UINT16) return Uint16Array.from(data);
  if (dataType === DataType.INT16) return Int16Array.from(data);
  return Int32Array.from(data);
}

export const dimsOf = (tensor: TensorProto): number[] => (tensor.dims ?? []).map(numberOf);

export const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** The values of a FLOAT tensor, in row-major order. Copies, because raw bytes may not be aligned. */
export function floatsOf(tensor: TensorProto): Float32Array {
  if (tensor.rawData?.length) return new Float32Array(Uint8Array.from(tensor.rawData).buffer);
  return Float32Array.from(tensor.floatData ?? []);
}

// --- graphs

export const opsetOf = (model: ModelProto): number => {
  const main = model.opsetImport.find((entry) => !entry.domain || entry.domain === 'ai.onnx');
  return numberOf(main?.version);
};

/** The inputs a caller feeds: those that are not also initialisers. */
export function feedsOf(graph: GraphProto): ValueInfoProto[] {
  const weights = new Set(graph.initializer.map((tensor) => tensor.name));
  return graph.input.filter((input) => !weights.has(input.name));
}

export const initializersOf = (graph: GraphProto): Map<string, TensorProto> =>
  new Map(graph.initializer.map((tensor) => [tensor.name ?? '', tensor]));

/** Graphs held by a node's attributes (If, Loop, Scan). */
export const subgraphsOf = (node: NodeProto): GraphProto[] =>
  (node.attribute ?? []).flatMap((attribute) => [...(attribute.g ? [attribute.g] : []), ...(attribute.graphs ?? [])]);

/** What a node reads, outer names read by its subgraphs included. */
export function readsOf(node: NodeProto): string[] {
  const inner = subgraphsOf(node).flatMap((graph) => [
    ...graph.node.flatMap(readsOf),
    ...graph.output.map((output) => output.name),
  ]);
  return [...node.input, ...inner].filter((name) => name !== '');
}

/** For each tensor the nodes that read it. */
export function consumersOf(graph: GraphProto): Map<string, NodeProto[]> {
  const consumers = new Map<string, NodeProto[]>();
  for (const node of graph.node) {
    for (const name of new Set(readsOf(node))) consumers.set(name, [...(consumers.get(name) ?? []), node]);
  }
  return consumers;
}

/** A float value with fixed dims. */
export function valueInfo(
  name: string,
  shape: readonly (number | string)[],
  elemType: number = DataType.FLOAT,
): ValueInfoProto {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

/** The same model with other outputs, and only the nodes and weights these need. */
export function prunedTo(model: ModelProto, outputs: ValueInfoProto[]): ModelProto {
  const producers = new Map(model.graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const kept = new Set<NodeProto>();
  const pending = outputs.map((output) => output.name);
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const node = producers.get(name);
    if (!node || kept.has(node)) continue;
    kept.add(node);
    pending.push(...readsOf(node));
  }
  const node = model.graph.node.filter((candidate) => kept.has(candidate));
  return { ...model, graph: { ...withoutUnusedWeights({ ...model.graph, node, output: outputs }), valueInfo: [] } };
}

export function withoutUnusedWeights(graph: GraphProto): GraphProto {
  const used = new Set([...graph.node.flatMap(readsOf), ...graph.output.map((output) => output.name)]);
  return { ...graph, initializer: graph.initializer.filter((tensor) => used.has(tensor.name ?? '')) };
}
