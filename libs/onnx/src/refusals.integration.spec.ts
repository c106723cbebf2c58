/** @jest-environment ./libs/testing/src/native-arrays.environment.ts */
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixtureCnn, fixtureImages } from '#libs/testing';
import { attr, floatTensor, nodeOf, valueInfo } from './graph.js';
import { decodeModel, encodeModel, inspectModel, loadModel, OnnxError, validateModel } from './index.js';
import type { ModelProto, NodeProto } from './index.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'onnx-refusals-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const fixture = (): ModelProto => decodeModel(fixtureCnn());
const withNode = (node: NodeProto): ModelProto => {
  const model = fixture();
  return { ...model, graph: { ...model.graph, node: [...model.graph.node, node] } };
};
const withInput = (shape: (number | string)[], elemType = 1): ModelProto => {
  const model = fixture();
  return { ...model, graph: { ...model.graph, input: [valueInfo('image', shape, elemType)] } };
};
const external = (): ModelProto => {
  const model = fixture();
  const [first, ...others] = model.graph.initializer;
  const outside = {
    name: first!.name!,
    dims: first!.dims!,
    dataType: 1,
    dataLocation: 1,
    externalData: [{ key: 'location', value: 'w.bin' }],
  };
  return { ...model, graph: { ...model.graph, initializer: [outside, ...others] } };
};
const withOpset = (version: number): ModelProto => ({ ...fixture(), opsetImport: [{ domain: '', version }] });

const bytesOf = (model: ModelProto): Uint8Array => encodeModel(model);

interface Refusal {
  bytes: () => Uint8Array | Promise<Uint8Array>;
  code: string;
  errorClass: 'user' | 'unsupported';
  where?: string;
  /** What the message must show. */
  shows?: string;
}

const refusals: Record<string, Refusal> = {
  'an empty file': { bytes: () => new Uint8Array(0), code: 'ONNX.EMPTY_FILE', errorClass: 'user' },
  'a PNG image': { bytes: async () => (await fixtureImages(1))[0]!, code: 'ONNX.NOT_ONNX', errorClass: 'user' },
  text: { bytes: () => Buffer.from('this is not a model at all'), code: 'ONNX.NOT_ONNX', errorClass: 'user' },
  'a truncated model': { bytes: () => fixtureCnn().subarray(0, 100_000), code: 'ONNX.TRUNCATED', errorClass: 'user' },
  'an unknown operator': {
    bytes: () => bytesOf(withNode(nodeOf('Frobnicate', ['logits'], ['z'], [], 'odd'))),
    code: 'ONNX.UNSUPPORTED_OP',
    errorClass: 'unsupported',
    where: 'odd',
    shows: 'Frobnicate',
  },
  'a custom domain': {
    bytes: () => bytesOf(withNode({ ...nodeOf('FusedConv', ['logits'], ['z'], [], 'odd'), domain: 'com.example' })),
    code: 'ONNX.CUSTOM_DOMAIN',
    errorClass: 'unsupported',
    where: 'odd',
    shows: 'com.example',
  },
  'external data': {
    bytes: () => bytesOf(external()),
    code: 'ONNX.EXTERNAL_DATA',
    errorClass: 'unsupported',
    where: 'w_0',
  },
  'a quantised model': {
    bytes: () => bytesOf(withNode(nodeOf('QuantizeLinear', ['logits', 's'], ['z'], [], 'q'))),
    code: 'ONNX.ALREADY_QUANTIZED',
    errorClass: 'unsupported',
    where: 'q',
  },
  'opset 6': {
    bytes: () => bytesOf(withOpset(6)),
    code: 'ONNX.UNSUPPORTED_OPSET',
    errorClass: 'unsupported',
    shows: '6',
  },
  'opset 23': {
    bytes: () => bytesOf(withOpset(23)),
    code: 'ONNX.UNSUPPORTED_OPSET',
    errorClass: 'unsupported',
    shows: '23',
  },
  'open height and width': {
    bytes: () => bytesOf(withInput(['batch', 3, 'height', 'width'])),
    code: 'ONNX.SHAPE_REQUIRED',
    errorClass: 'user',
    where: 'image',
  },
  'an input of bytes': {
    bytes: () => bytesOf(withInput([1, 3, 64, 64], 2)),
    code: 'ONNX.UNSUPPORTED_TYPE',
    errorClass: 'unsupported',
    where: 'image',
  },
};

async function refusalOf(action: () => Promise<unknown>): Promise<OnnxError> {
  const error: unknown = await action().catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(OnnxError);
  return error as OnnxError;
}

describe.each(Object.entries(refusals))('given %s', (name, { bytes, code, errorClass, where, shows }) => {
  const path = (): string => join(folder, `${name.replaceAll(' ', '-')}.onnx`);
  beforeAll(async () => writeFile(path(), await bytes()));

  it(`validation throws ${code}`, async () => {
    const error = await refusalOf(async () => validateModel(await loadModel(path())));
    expect(error).toMatchObject({ code, errorClass, ...(where ? { where } : {}) });
    expect(error.message).toContain(shows ?? '');
  });

  it(`inspection lists ${code}`, () => {
    const { issues } = inspectModel(path());
    expect(issues).toContainEqual(expect.objectContaining({ code, severity: 'error', ...(where ? { where } : {}) }));
  });
});

describe('validateModel', () => {
  it('rejects a channel count the weights do not fit, which loading lets pass', async () => {
    const error = await refusalOf(() => validateModel(withInput([1, 4, 64, 64])));
    expect(error).toMatchObject({ code: 'ONNX.INPUT_MISMATCH', errorClass: 'user', where: 'image' });
  });

  it('rejects a given shape that contradicts the model or names no input', async () => {
    const other = await refusalOf(() => validateModel(fixture(), { shapes: { image: [1, 4, 64, 64] } }));
    expect(other).toMatchObject({ code: 'ONNX.INPUT_MISMATCH', where: 'image' });
    expect(other.message).toContain('1x3x64x64');
    expect(await refusalOf(() => validateModel(fixture(), { shapes: { picture: [1, 3, 64, 64] } }))).toMatchObject({
      code: 'ONNX.INPUT_MISMATCH',
      where: 'picture',
    });
  });

  it('rejects an operator younger than the opset, by name', async () => {
    const model = withNode(nodeOf('HardSwish', ['logits'], ['z'], [], 'young'));
    const error = await refusalOf(() => validateModel(model));
    expect(error).toMatchObject({ code: 'ONNX.UNSUPPORTED_OP', errorClass: 'unsupported' });
    expect(error.message).toContain('HardSwish');
  });

  it('rejects a graph whose tensors do not connect', async () => {
    const error = await refusalOf(() => validateModel(withNode(nodeOf('Relu', ['nowhere'], ['z']))));
    expect(error).toMatchObject({ code: 'ONNX.INVALID_GRAPH', errorClass: 'user' });
  });

  it('makes an open batch 1 and takes given height and width', async () => {
    const { inputs, outputs } = await validateModel(withInput(['n', 3, 'h', 'w']), {
      shapes: { image: [1, 3, 32, 48] },
    });
    expect(inputs).toEqual([{ name: 'image', shape: [1, 3, 32, 48], type: 'float32' }]);
    expect(outputs).toEqual([{ name: 'logits', shape: [1, 10], type: 'float32' }]);
    expect((await validateModel(withInput(['n', 3, 64, 64]))).inputs[0]?.shape).toEqual([1, 3, 64, 64]);
  });

  it('counts nodes, parameters and multiply-accumulates', async () => {
    const nodes = [
      nodeOf('Conv', ['x', 'w'], ['c'], [attr('pads', [1, 1, 1, 1])]),
      nodeOf('Flatten', ['c'], ['f']),
      nodeOf('MatMul', ['f', 'm'], ['y']),
    ];
    const graph = {
      name: 'two',
      node: nodes,
      initializer: [
        floatTensor('w', [4, 3, 3, 3], new Float32Array(108)),
        floatTensor('m', [100, 7], new Float32Array(700)),
      ],
      input: [valueInfo('x', [1, 3, 5, 5])],
      output: [valueInfo('y', [1, 7])],
    };
    const { stats } = await validateModel({ irVersion: 8, opsetImport: [{ domain: '', version: 13 }], graph });
    expect(stats).toMatchObject({ nodes: 3, params: 808, macs: 4 * 25 * 27 + 700, opset: 13 });
  });
});

describe('inspectModel', () => {
  it('reads nodes, operators, ports and parameters as the whole file gives them', async () => {
    const path = join(folder, 'whole.onnx');
    await writeFile(path, fixtureCnn());
    const { stats } = await validateModel(fixture());
    const { nodes, params, opset, producer } = stats;
    const inspection = inspectModel(path);
    expect(inspection).toMatchObject({
      issues: [],
      stats: { nodes, params, opset, producer },
      inputs: [{ name: 'image', shape: [1, 3, 64, 64], type: 'float32' }],
    });
    expect(inspection.operators['Conv']).toBe(11);
  });

  it('steps over weights: a sparse file of 2 GiB is read from its few real bytes', async () => {
    const path = join(folder, 'large.onnx');
    const { head, total } = sparseModel(2 ** 31 - 4096);
    await writeFile(path, head);
    await truncate(path, total);
    const before = process.memoryUsage().rss;
    const { stats, issues } = inspectModel(path);
    expect(stats?.params).toBe((2 ** 31 - 4096) / 4);
    expect(issues).toEqual([]);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20);
  });
});

/** A model whose last field is a tensor of `bytes` zero bytes that are a hole in the file. */
function sparseModel(bytes: number): { head: Uint8Array; total: number } {
  const model: ModelProto = {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 13 }],
    graph: {
      name: '',
      node: [nodeOf('Add', ['x', 'w'], ['y'])],
      initializer: [],
      input: [valueInfo('x', [1])],
      output: [valueInfo('y', [1])],
    },
  };
  const { graph, ...rest } = model;
  const before = encodeModel({ ...rest, graph: undefined } as unknown as ModelProto);
  const inner = encodeModel({ graph } as unknown as ModelProto);
  const lengthAt = 1 + varint(graphLength(inner)).length;
  const graphBytes = inner.subarray(lengthAt);
  const tensor = Buffer.concat([
    field(1, 0),
    varint(bytes / 4),
    field(2, 0),
    varint(1),
    field(8, 2),
    varint(1),
    Buffer.from('w'),
    field(9, 2),
    varint(bytes),
  ]);
  const initializer = Buffer.concat([field(5, 2), varint(tensor.length + bytes), tensor]);
  const graphHead = Buffer.concat([
    field(7, 2),
    varint(graphBytes.length + initializer.length + bytes),
    graphBytes,
    initializer,
  ]);
  const head = Buffer.concat([before, graphHead]);
  return { head, total: head.length + bytes };
}

const field = (number: number, wire: number): Buffer => Buffer.from([number * 8 + wire]);

function varint(value: number): Buffer {
  return value < 128
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value % 128) + 128]), varint(Math.floor(value / 128))]);
}

/** The length of the graph field that is all of `message`. */
function graphLength(message: Uint8Array): number {
  for (let width = 1; ; width++) {
    const length = message.length - 1 - width;
    if (varint(length).length === width) return length;
  }
}
