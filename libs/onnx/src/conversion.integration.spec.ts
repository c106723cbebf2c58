/** @jest-environment ./libs/testing/src/native-arrays.environment.ts */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixtureCnn, fixtureImages, fixtureInput, fixturePreprocess } from '#libs/testing';
import {
  collectRanges,
  compareModels,
  decodeModel,
  encodeModel,
  optimizeModel,
  preprocess,
  quantizeModel,
  validateModel,
  verdictOf,
} from './index.js';
import type { ModelProto, Preprocess, Sample } from './index.js';

let workDir: string;
let optimized: ModelProto;
let samples: Sample[];

beforeAll(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'onnx-'));
  const { model } = await validateModel(decodeModel(fixtureCnn()));
  optimized = await optimizeModel(model, { workDir });
  samples = await samplesWith(fixturePreprocess);
});

afterAll(() => rm(workDir, { recursive: true, force: true }));

async function samplesWith(spec: Preprocess): Promise<Sample[]> {
  const images = await fixtureImages();
  return Promise.all(images.map(async (image) => ({ image: await preprocess(image, fixtureInput, spec) })));
}

async function quantized(references: Sample[], threads = 1): Promise<ModelProto> {
  const ranges = await collectRanges(optimized, references, { method: 'minmax', threads });
  return (await quantizeModel(optimized, ranges)).model;
}

describe('conversion of the fixture network', () => {
  it('reaches the acceptance figures', async () => {
    const integer = await quantized(samples.slice(0, 12));
    const accuracy = await compareModels(optimized, integer, samples);
    const output = accuracy.outputs[0]!;
    expect(output.snrDb).toBeGreaterThanOrEqual(34);
    expect(output.cosine).toBeGreaterThanOrEqual(0.999);
    expect(output.top1Agreement).toBe(1);
    expect(encodeModel(optimized).length / encodeModel(integer).length).toBeGreaterThanOrEqual(3);
    expect(verdictOf(accuracy)).toBe('good');
  });
});
