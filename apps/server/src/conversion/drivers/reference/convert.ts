import {
  collectRanges,
  compareModels,
  encodeModel,
  loadModel,
  measureLatency,
  optimizeModel,
  quantizeModel,
  validateModel,
} from '#libs/onnx';
import type { Artifact, ConversionRequest } from '../../driver/driver.types.js';
import { modelIssues } from './model-issues.js';
import { jsonBytes, manifestOf, NOTICE_TEXT, packageBytes, type PackageFiles } from './package.js';
import { reportHtml } from './report-html.js';
import { environment, reportOf, withMeasurements } from './report.js';
import type { Report } from './conversion-report.js';
import { REFERENCE_DRIVER } from './reference.types.js';
import { requestIssues } from './request-issues.js';
import { samplesOf } from './samples.js';
import type { StageRun } from './stage-run.js';
import { statementOf } from './statement.js';

type Proto = Awaited<ReturnType<typeof loadModel>>;

const HOST_NOTE = 'time of one run on this host; it says nothing about an NPU';

/**
 * The stages of one conversion, in order; compile is refused before this is reached. Rejects with OnnxError for what
 * is wrong with model or images, and with the abort reason.
 */
export async function convert(
  request: ConversionRequest,
  shapes: Record<string, number[]>,
  run: StageRun,
): Promise<{ artifacts: Artifact[]; report: Report }> {
  // Only the latency is measured with these. What decides bytes runs on one thread: on two the runtime adds in another
  // order, and equal requests give equal bytes.
  const threads = Math.max(1, Math.min(run.cpus, request.quantization.threads ?? run.cpus));
  const preflight = modelIssues(request, shapes);
  const issues = [...preflight.issues, ...requestIssues(request)];
  issues.forEach((issue) => run.issue(issue));

  const validated = await run.stage('validate', async () =>
    validateModel(await loadModel(request.model.path), { shapes }),
  );
  const optimized = await run.stage('optimize', () => optimizeModel(validated.model, { workDir: run.workDir }));
  const floatMs = await evaluated(request, optimized, shapesOf(validated.inputs), threads, run);
  const { samples, quantized } = await run.stage('quantize', () => calibrated(request, optimized, run));
  const { accuracy, int8Ms } = await run.stage('verify', async () => {
    const accuracy = await compareModels(optimized, quantized.model, samples.evaluation, {
      signal: run.signal,
      layers: request.layerReport,
      onProgress: run.progress(0, 1),
    });
    const sample = samples.evaluation[0];
    const int8Ms =
      floatMs === null || !sample
        ? null
        : await measureLatency(quantized.model, sample, { threads, signal: run.signal });
    return { accuracy, int8Ms };
  });
  run.skip('compile');
  const report = await run.stage('package', async () => {
    const models = { int8: encodeModel(quantized.model), optimized: encodeModel(optimized) };
    const platformOps = preflight.platformOps;
    const report = reportOf({ request, validated, issues, platformOps, samples, quantized, accuracy, models });
    await writePackage(request, report, models, quantized.summary, run);
    return report;
  });
  const hostCpu = floatMs === null || int8Ms === null ? null : { floatMs, int8Ms, threads, note: HOST_NOTE };
  const full = withMeasurements(report, { hostCpu, timings: run.timings, environment: environment() });
  await run.write('report-json', 'report.json', jsonBytes(full));
  await run.write('report-html', 'report.html', new TextEncoder().encode(reportHtml(full)));
  return { artifacts: run.artifacts, report: full };
}

/** Milliseconds of one float run, or null when no evaluation was asked for. */
async function evaluated(
  request: ConversionRequest,
  optimized: Proto,
  inputs: Record<string, number[]>,
  threads: number,
  run: StageRun,
): Promise<number | null> {
  if (!request.want.includes('evaluate')) {
    run.skip('evaluate');
    return null;
  }
  const zeros = Object.fromEntries(
    Object.entries(inputs).map(([name, shape]) => [name, new Float32Array(shape.reduce((size, dim) => size * dim, 1))]),
  );
  return run.stage('evaluate', () => measureLatency(optimized, zeros, { threads, signal: run.signal }));
}

async function calibrated(request: ConversionRequest, optimized: Proto, run: StageRun) {
  const { range, percentage, datapath, scheme, perChannel, excludeNodes } = request.quantization;
  const samples = await samplesOf(request, run.signal, run.progress(0, 0.3));
  const ranges = await collectRanges(optimized, samples.calibration, {
    method: range === 'mmse' ? 'mse' : range,
    bits: datapath === 'int16' ? 16 : 8,
    ...(percentage === undefined ? {} : { percentage }),
    signal: run.signal,
    onProgress: run.progress(0.3, 0.6),
  });
  const quantized = await quantizeModel(optimized, ranges, {
    datapath: datapath === 'int16' ? 'int16' : 'int8',
    ...(scheme === undefined ? {} : { scheme }),
    ...(perChannel === undefined ? {} : { perChannel }),
    ...(excludeNodes === undefined ? {} : { excludeNodes }),
  });
  return { samples, quantized };
}

async function writePackage(
  request: ConversionRequest,
  report: Report,
  models: { int8: Uint8Array; optimized: Uint8Array },
  summary: object,
  run: StageRun,
): Promise<void> {
  const files: PackageFiles = {
    'model.int8.onnx': models.int8,
    'model.optimized.onnx': models.optimized,
    'quantization.json': jsonBytes(summary),
    'report.json': jsonBytes(report),
    'report.html': new TextEncoder().encode(reportHtml(report)),
    'NOTICE.txt': new TextEncoder().encode(NOTICE_TEXT),
  };
  files['statement.intoto.json'] = jsonBytes(statementOf(request, files));
  const manifest = manifestOf(request, REFERENCE_DRIVER, report, files);
  await run.write('reference-package', 'out.kref.zip', packageBytes(files, manifest));
}

function shapesOf(inputs: readonly { name: string; shape: number[] }[]): Record<string, number[]> {
  return Object.fromEntries(inputs.map(({ name, shape }) => [name, shape]));
}
