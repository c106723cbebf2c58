import { arch, platform } from 'node:os';
import { type Accuracy, type QuantizedModel, type ValidatedModel, type Verdict, verdictOf } from '#libs/onnx';
import type { ConversionRequest, Issue } from '../../driver/driver.types.js';
import { networkIsolated } from '../network.js';
import { REFERENCE_DRIVER } from './reference.types.js';
import type { PlatformOps, Report } from './conversion-report.js';
import type { Samples } from './samples.js';

interface Findings {
  request: ConversionRequest;
  validated: ValidatedModel;
  issues: Issue[];
  platformOps: PlatformOps;
  samples: Samples;
  quantized: QuantizedModel;
  accuracy: Accuracy;
  models: { int8: Uint8Array; optimized: Uint8Array };
}

/** The report of a conversion without anything that differs from run to run: equal findings give equal reports. */
export function reportOf(findings: Findings): Report {
  const { request, validated, issues, platformOps, samples, quantized, accuracy, models } = findings;
  const { summary } = quantized;
  return {
    schema: 'conversion-report/1',
    driver: REFERENCE_DRIVER,
    model: {
      sha256: request.model.sha256,
      bytes: request.model.bytes,
      ...validated.stats,
      inputs: validated.inputs,
      outputs: validated.outputs,
    },
    target: request.modelConfig,
    preflight: { issues, platformOps },
    calibration: {
      images: samples.calibration.length,
      synthetic: samples.synthetic,
      rejected: samples.rejected,
      method: request.quantization.range,
      options: calibrationOptions(request),
    },
    quantization: {
      tensors: summary.tensors.length,
      weights: summary.weights.length,
      biases: summary.biases.length,
      nodesQuantized: summary.nodesQuantized,
      nodesFloat: summary.nodesFloat,
    },
    accuracy: { ...accuracy, heldOut: samples.heldOut, verdict: verdictOn(findings) },
    size: {
      original: request.model.bytes,
      optimized: models.optimized.length,
      int8: models.int8.length,
      ratio: Math.round((models.optimized.length / models.int8.length) * 1000) / 1000,
    },
    performance: { hostCpu: null, npu: null },
    timings: {},
    environment: {},
    warnings: [...issues.filter((issue) => issue.severity === 'warning'), ...sampleWarnings(samples)],
  };
}

/** Adds what a run measured. */
export function withMeasurements(
  report: Report,
  measured: { hostCpu: Report['performance']['hostCpu'] } & Pick<Report, 'timings' | 'environment'>,
): Report {
  const { hostCpu, timings, environment } = measured;
  return { ...report, performance: { ...report.performance, hostCpu }, timings: { ...timings }, environment };
}

export function environment(): Record<string, string> {
  return { node: process.versions.node, os: platform(), arch: arch(), networkIsolated: String(networkIsolated()) };
}

function verdictOn({ request, accuracy, samples }: Findings): Verdict {
  const { verdict } = request;
  const thresholds = verdict && { good: verdict.goodSnrDb, review: verdict.reviewSnrDb };
  return verdictFor(verdictOf(accuracy, thresholds), samples.synthetic);
}

/** A synthetic calibration proves nothing about the caller's data: it is never called good. */
export function verdictFor(measured: Verdict, synthetic: boolean): Verdict {
  return synthetic && measured === 'good' ? 'review' : measured;
}

/** All options but `threads`, which decides nothing; and how the images were read. */
function calibrationOptions({ quantization, inputs }: ConversionRequest): Record<string, unknown> {
  return {
    ...quantization,
    threads: undefined,
    preprocess: Object.fromEntries(inputs.map((input) => [input.name, input.preprocess])),
  };
}

function sampleWarnings({ heldOut, synthetic, rejected }: Samples): Issue[] {
  const warnings: Issue[] = [];
  if (!heldOut && !synthetic) {
    warnings.push({
      code: 'no_held_out_images',
      severity: 'warning',
      message: 'fewer than 8 usable reference images: accuracy was measured on the images used for calibration',
    });
  }
  for (const { index, reason } of rejected) {
    warnings.push({
      code: 'image_rejected',
      severity: 'warning',
      message: `reference image ${index} was left out: ${reason}`,
      where: String(index),
    });
  }
  return warnings;
}
