/** @jest-environment ./libs/testing/src/native-arrays.environment.ts */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attr, floatAttr, floatsOf, floatTensor, int64Tensor, nodeOf, sizeOf, valueInfo } from './graph.js';
import {
  collectRanges,
  compareModels,
  decodeModel,
  encodeModel,
  optimizeModel,
  quantizeModel,
  seededRandom,
  validateModel,
} from './index.js';
import type { Accuracy, ModelProto, NodeProto, QuantizedModel, QuantizeOptions, Sample, TensorProto } from './index.js';

let workDir: string;
beforeAll(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'onnx-edge-'));
});
afterAll(() => rm(workDir, { recursive: true, force: true }));

interface Edge {
  shape: number[];
  nodes: NodeProto[];
  weights?: TensorProto[];
  outputs?: string[];
  opset?: number;
  ir?: number;
  options?: QuantizeOptions;
}

const values = (count: number, seed: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random() * 2 - 1);
};
const weight = (name: string, dims: number[], seed = name.length + sizeOf(dims)): TensorProto =>
  floatTensor(name, dims, values(sizeOf(dims), seed));
const floats = (name: string, list: number[]) => ({ name, type: 6, floats: list });

function modelOf({ shape, nodes, weights = [], outputs = ['y'], opset = 13, ir = 8 }: Edge): ModelProto {
  const listed = ir < 4 ? weights.map((each) => valueInfo(each.name!, each.dims!.map(Number))) : [];
  const model: ModelProto = {
    irVersion: ir,
    opsetImport: [{ domain: '', version: opset }],
    graph: {
      name: 'edge',
      node: nodes,
      initializer: weights,
      input: [valueInfo('x', shape), ...listed],
      output: outputs.map((name) => ({ name, type: { tensorType: { elemType: 1 } } })),
    },
  };
  return decodeModel(encodeModel(model));
}

interface Converted extends QuantizedModel {
  optimized: ModelProto;
  accuracy: Accuracy;
  /** The optimised model against the one given: upgrades must not change what a model computes. */
  kept: Accuracy;
}

async function converted(edge: Edge): Promise<Converted> {
  const { model } = await validateModel(modelOf(edge));
  const optimized = await optimizeModel(model, { workDir });
  const samples: Sample[] = Array.from({ length: 8 }, (_, at) => ({
    x: Float32Array.from(values(sizeOf(edge.shape), 100 + at)),
  }));
  const ranges = await collectRanges(optimized, samples, { method: 'minmax' });
  const quantized = await quantizeModel(optimized, ranges, edge.options);
  return {
    ...quantized,
    optimized,
    accuracy: await compareModels(optimized, quantized.model, samples),
    kept: await compareModels(model, optimized, samples, { layers: false }),
  };
}

const worst = (accuracy: Accuracy): number =>
  Math.min(...accuracy.outputs.map(({ exact, snrDb }) => (exact ? Infinity : (snrDb ?? -Infinity))));

const conv = (input: string, w: string, output: string, bias?: string): NodeProto =>
  nodeOf(
    'Conv',
    bias ? [input, w, bias] : [input, w],
    [output],
    [attr('pads', [1, 1, 1, 1]), attr('kernel_shape', [3, 3])],
  );
const zeroChannel = floatTensor('w', [4, 3, 3, 3], [...new Array<number>(27).fill(0), ...values(81, 5)]);
const image = [1, 3, 8, 8];

const edges: Record<string, Edge> = {
  'weights shared by two nodes': {
    shape: image,
    nodes: [
      conv('x', 'w', 'a', 'b'),
      nodeOf('Relu', ['a'], ['r']),
      conv('r', 'w', 'c', 'b'),
      nodeOf('Add', ['a', 'c'], ['y']),
    ],
    weights: [weight('w', [3, 3, 3, 3]), weight('b', [3])],
  },
  'ConvTranspose without groups': {
    shape: image,
    nodes: [nodeOf('ConvTranspose', ['x', 'w', 'b'], ['y'], [attr('strides', [2, 2])])],
    weights: [weight('w', [3, 5, 2, 2]), weight('b', [5])],
  },
  'ConvTranspose with groups': {
    shape: [1, 4, 8, 8],
    nodes: [nodeOf('ConvTranspose', ['x', 'w', 'b'], ['y'], [attr('group', 2)])],
    weights: [weight('w', [4, 3, 2, 2]), weight('b', [6])],
  },
  'Gemm with alpha and beta': {
    shape: [1, 16],
    nodes: [nodeOf('Gemm', ['x', 'w', 'b'], ['y'], [floatAttr('alpha', 0.5), floatAttr('beta', 2), attr('transB', 1)])],
    weights: [weight('w', [8, 16]), weight('b', [8])],
  },
  'Gemm with a bias of two dims': {
    shape: [2, 16],
    nodes: [nodeOf('Gemm', ['x', 'w', 'b'], ['y'])],
    weights: [weight('w', [16, 8]), weight('b', [2, 8])],
  },
  'MatMul of three dims': {
    shape: [2, 5, 16],
    nodes: [nodeOf('MatMul', ['x', 'w'], ['y'])],
    weights: [weight('w', [16, 8])],
  },
  'MatMul of two activations': {
    shape: [1, 12, 12],
    nodes: [nodeOf('Transpose', ['x'], ['t'], [attr('perm', [0, 2, 1])]), nodeOf('MatMul', ['x', 't'], ['y'])],
  },
  'a channel of zero weights': {
    shape: image,
    nodes: [conv('x', 'w', 'y', 'b')],
    weights: [zeroChannel, weight('b', [4])],
  },
  'an activation that never fires': {
    shape: image,
    nodes: [
      nodeOf('Sub', ['x', 'two'], ['n']),
      nodeOf('Relu', ['n'], ['r']),
      conv('r', 'w', 'c', 'b'),
      nodeOf('Add', ['c', 'x'], ['y']),
    ],
    weights: [floatTensor('two', [], [2]), weight('w', [3, 3, 3, 3]), weight('b', [3])],
  },
  'a graph output that is also read': {
    shape: image,
    nodes: [conv('x', 'w', 'm'), nodeOf('Relu', ['m'], ['y'])],
    weights: [weight('w', [3, 3, 3, 3])],
    outputs: ['m', 'y'],
  },
  'Softmax of opset 9 over several dims': {
    shape: [1, 3, 2, 2],
    nodes: [conv('x', 'w', 'c'), nodeOf('Softmax', ['c'], ['y'])],
    weights: [weight('w', [3, 3, 3, 3])],
    opset: 9,
  },
  'opset 21': {
    shape: image,
    nodes: [conv('x', 'w', 'y', 'b')],
    weights: [weight('w', [4, 3, 3, 3]), weight('b', [4])],
    opset: 21,
  },
  'opset 21 with 16 bits': {
    shape: image,
    nodes: [conv('x', 'w', 'y', 'b')],
    weights: [weight('w', [4, 3, 3, 3]), weight('b', [4])],
    opset: 21,
    options: { datapath: 'int16' },
  },
  'weights held by Constant nodes': {
    shape: image,
    nodes: [
      { ...nodeOf('Constant', [], ['w']), attribute: [{ name: 'value', type: 4, t: weight('', [4, 3, 3, 3]) }] },
      conv('x', 'w', 'y'),
    ],
  },
  'IR 3, initialisers among the inputs': {
    shape: image,
    nodes: [conv('x', 'w', 'y')],
    weights: [weight('w', [4, 3, 3, 3])],
    ir: 3,
    opset: 9,
  },
  'operators that move values': {
    shape: [1, 4, 8, 8],
    nodes: [
      conv('x', 'w', 'c'),
      nodeOf('MaxPool', ['c'], ['p'], [attr('kernel_shape', [2, 2]), attr('strides', [2, 2])]),
      nodeOf('Split', ['p'], ['s', 't'], [attr('axis', 1), attr('split', [2, 2])]),
      nodeOf('Slice', ['s'], ['u'], [attr('axes', [2]), attr('starts', [0]), attr('ends', [2])]),
      nodeOf('Slice', ['t'], ['v'], [attr('axes', [2]), attr('starts', [2]), attr('ends', [4])]),
      nodeOf('Add', ['u', 'v'], ['a']),
      nodeOf('Transpose', ['a'], ['q'], [attr('perm', [0, 2, 3, 1])]),
      nodeOf('Squeeze', ['q'], ['z'], [attr('axes', [0])]),
      nodeOf('Unsqueeze', ['z'], ['y'], [attr('axes', [0])]),
    ],
    weights: [weight('w', [4, 4, 3, 3])],
    opset: 9,
  },
  'attributes that became inputs, from opset 7': {
    shape: image,
    nodes: [
      nodeOf('Upsample', ['x'], ['u'], [attr('mode', 'nearest'), floats('scales', [1, 1, 2, 2])]),
      nodeOf('Pad', ['u'], ['p'], [attr('pads', [0, 0, 1, 1, 0, 0, 1, 1]), floatAttr('value', 0.5)]),
      nodeOf('Clip', ['p'], ['c'], [floatAttr('min', -0.5), floatAttr('max', 0.8)]),
      nodeOf('Dropout', ['c'], ['d']),
      conv('d', 'w', 'e', 'b'),
      nodeOf('ReduceSum', ['e'], ['y'], [attr('axes', [2]), attr('keepdims', 0)]),
    ],
    weights: [weight('w', [3, 3, 3, 3]), weight('b', [3])],
    opset: 7,
  },
  'Resize of opset 10, linear': {
    shape: image,
    nodes: [conv('x', 'w', 'c'), nodeOf('Resize', ['c', 's'], ['y'], [attr('mode', 'linear')])],
    weights: [weight('w', [3, 3, 3, 3]), floatTensor('s', [4], [1, 1, 2, 2])],
    opset: 10,
  },
  'constant operands of Add, Mul and Concat': {
    shape: image,
    nodes: [
      nodeOf('Add', ['x', 'k'], ['a']),
      nodeOf('Mul', ['a', 'k'], ['m']),
      nodeOf('Concat', ['m', 'l'], ['y'], [attr('axis', 1)]),
    ],
    weights: [weight('k', [3, 1, 1]), weight('l', [1, 2, 8, 8])],
  },
  'a shape operator behind a float Softmax': {
    shape: [1, 6, 6],
    nodes: [
      nodeOf('Softmax', ['x'], ['s'], [attr('axis', -1)]),
      nodeOf('Reshape', ['s', 'dims'], ['f']),
      nodeOf('MatMul', ['f', 'w'], ['m']),
      nodeOf('Relu', ['m'], ['y']),
    ],
    weights: [int64Tensor('dims', [6, 6]), weight('w', [6, 6])],
  },
};

describe('edge graphs', () => {
  it.each(Object.entries(edges))('keeps at least 30 dB: %s', async (_, edge) => {
    const { accuracy, kept, model } = await converted(edge);
    expect(worst(kept)).toBeGreaterThanOrEqual(120);
    expect(worst(accuracy)).toBeGreaterThanOrEqual(30);
    expect(model.graph.node.map((node) => node.opType)).toContain('QuantizeLinear');
  });

  it('stores shared weights once and a bias for each reader', async () => {
    const { model, summary } = await converted(edges['weights shared by two nodes']!);
    expect(model.graph.initializer.filter((tensor) => tensor.dataType === 3 && tensor.dims!.length === 4)).toHaveLength(
      1,
    );
    expect(summary.weights).toHaveLength(1);
    expect(summary.biases).toHaveLength(2);
  });

  it('has no Q/DQ between a Conv and the Relu that alone reads it', async () => {
    const { summary } = await converted({
      shape: image,
      nodes: [conv('x', 'w', 'c'), nodeOf('Relu', ['c'], ['y'])],
      weights: [weight('w', [3, 3, 3, 3])],
    });
    expect(summary.tensors.map((tensor) => tensor.name)).toEqual(['x', 'y']);
  });

  it('reuses the scale of the input where values only move', async () => {
    const { summary } = await converted(edges['operators that move values']!);
    const scaleOf = (name: string) => summary.tensors.find((tensor) => tensor.name === name);
    expect(scaleOf('p')).toMatchObject({ sharedWith: 'c', scale: scaleOf('c')!.scale });
  });

  it.each([
    ['Gemm with alpha and beta', 0],
    ['Gemm with a bias of two dims', 0],
    ['a channel of zero weights', 1],
  ])('holds integer biases only where they are exact to add: %s', async (name, count) => {
    const { summary } = await converted(edges[name]!);
    expect(summary.biases).toHaveLength(count);
  });

  it('gives a bias the scale of its input times that of each weight channel', async () => {
    const { model, summary } = await converted(edges['a channel of zero weights']!);
    const scales = floatsOf(model.graph.initializer.find((tensor) => /__bias_scale$/.test(tensor.name!))!);
    const input = summary.tensors.find((tensor) => tensor.name === 'x')!.scale;
    expect([...scales]).toEqual(summary.weights[0]!.scales.map((scale) => Math.fround(input * scale)));
  });

  it('has one scale for a grouped ConvTranspose and one per output channel without groups', async () => {
    const grouped = await converted(edges['ConvTranspose with groups']!);
    const plain = await converted(edges['ConvTranspose without groups']!);
    expect(grouped.summary.weights[0]).toMatchObject({ axis: null });
    expect(plain.summary.weights[0]).toMatchObject({ axis: 1 });
    expect(plain.summary.weights[0]?.scales).toHaveLength(5);
  });

  it('puts 16-bit Q/DQ in the domain of the runtime below opset 21 only', async () => {
    const before = await converted({ ...edges['opset 21']!, opset: 13, options: { datapath: 'int16' } });
    const since = await converted(edges['opset 21 with 16 bits']!);
    expect(before.model.opsetImport.map((entry) => entry.domain)).toEqual(['', 'com.microsoft']);
    expect(since.model.opsetImport.map((entry) => entry.domain)).toEqual(['']);
  });

  it('leaves Softmax and the shape operators behind it in float', async () => {
    const { model, summary } = await converted(edges['a shape operator behind a float Softmax']!);
    expect(summary.nodesFloat).toMatchObject({ Softmax: 1, Reshape: 1, MatMul: 1 });
    const softmax = model.graph.node.find((node) => node.opType === 'Softmax');
    const readers = model.graph.node.filter((node) => node.input.includes(softmax?.output[0] ?? ''));
    expect(readers.map((node) => node.opType)).toEqual(['Reshape']);
  });

  it('warns of a subgraph and leaves it in float', async () => {
    const branch = (output: string, node: NodeProto) => ({
      name: output,
      node: [node],
      initializer: [],
      input: [],
      output: [valueInfo(output, image)],
    });
    const nodes = [
      conv('x', 'w', 'c'),
      nodeOf('ReduceSum', ['c'], ['s'], [attr('keepdims', 0)]),
      nodeOf('Greater', ['s', 'zero'], ['yes']),
      {
        ...nodeOf('If', ['yes'], ['y']),
        attribute: [
          { name: 'then_branch', type: 5, g: branch('p', nodeOf('Relu', ['c'], ['p'])) },
          { name: 'else_branch', type: 5, g: branch('n', nodeOf('Neg', ['c'], ['n'])) },
        ],
      },
    ];
    const edge: Edge = { shape: image, nodes, weights: [weight('w', [3, 3, 3, 3]), floatTensor('zero', [], [0])] };
    const { issues } = await validateModel(modelOf(edge));
    expect(issues).toEqual([expect.objectContaining({ code: 'ONNX.SUBGRAPH', severity: 'warning', where: 'If_y' })]);
    const { accuracy, summary } = await converted(edge);
    expect(summary.nodesFloat['If']).toBe(1);
    expect(worst(accuracy)).toBeGreaterThanOrEqual(30);
  });

  it('refuses a model without a node that computes in integers', async () => {
    const edge: Edge = { shape: [1, 4], nodes: [nodeOf('Exp', ['x'], ['y'])] };
    await expect(converted(edge)).rejects.toMatchObject({ code: 'ONNX.NOTHING_TO_QUANTIZE' });
  });

  it('keeps a tensor of infinite values in float', async () => {
    const mask = floatTensor('mask', [1, 8], [0, 0, 0, 0, 0, 0, 0, -Infinity]);
    const nodes = [
      conv('x', 'w', 'c'),
      nodeOf('Add', ['c', 'mask'], ['m']),
      nodeOf('Softmax', ['m'], ['y'], [attr('axis', 3)]),
    ];
    const { summary, accuracy } = await converted({ shape: image, nodes, weights: [weight('w', [4, 3, 3, 3]), mask] });
    expect(summary.nodesFloat['Add']).toBe(1);
    expect(worst(accuracy)).toBeGreaterThanOrEqual(30);
  });
});
