import { OnnxError } from '#libs/onnx';
import {
  type ConversionDriver,
  type ConversionRequest,
  type ConversionResult,
  type DriverError,
  type DriverInfo,
  type Issue,
  PLATFORMS,
  type RunContext,
  type Stage,
} from '../../driver/driver.types.js';
import { networkIsolated } from '../network.js';
import { convert } from './convert.js';
import { modelIssues, outwardCode } from './model-issues.js';
import { REFERENCE_DRIVER } from './reference.types.js';
import type { Report } from './conversion-report.js';
import { OPTIONS, requestIssues } from './request-issues.js';
import { StageRun } from './stage-run.js';

/** Converts with npm packages alone. What it makes runs in ONNX Runtime and is never a vendor artifact. */
export class ReferenceDriver implements ConversionDriver<Report> {
  async info(): Promise<DriverInfo> {
    return {
      ...REFERENCE_DRIVER,
      kind: 'reference',
      available: true,
      platforms: [...PLATFORMS],
      stages: ['validate', 'optimize', 'evaluate', 'quantize', 'verify', 'package'],
      produces: ['reference-package', 'report-json', 'report-html'],
      options: OPTIONS,
      network_isolated: networkIsolated(),
    };
  }

  async check(request: ConversionRequest): Promise<Issue[]> {
    return [...modelIssues(request, givenShapes(request)).issues, ...requestIssues(request)];
  }

  async run(request: ConversionRequest, context: RunContext): Promise<ConversionResult<Report>> {
    const stages = new StageRun(context);
    const refused = requestIssues(request).find((issue) => issue.severity === 'error');
    if (refused) return { status: 'failed', error: refusal(refused), artifacts: [] };
    try {
      return { status: 'succeeded', ...(await convert(request, givenShapes(request), stages)) };
    } catch (error) {
      if (context.signal.aborted) return { status: 'canceled' };
      if (error instanceof OnnxError)
        return { status: 'failed', error: modelled(error, stages.current), artifacts: [] };
      throw error;
    }
  }
}

/** Shapes that are known in full; the rest is for the lib to find or to ask for. */
function givenShapes({ inputs }: ConversionRequest): Record<string, number[]> {
  return Object.fromEntries(
    inputs.filter(({ shape }) => shape.every((size) => size > 0)).map(({ name, shape }) => [name, shape]),
  );
}

function refusal(issue: Issue): DriverError {
  const stage = issue.where === 'want' ? 'compile' : 'validate';
  return { class: 'user', code: issue.code, stage, message: issue.message, retryable: false };
}

function modelled(error: OnnxError, stage: Stage): DriverError {
  return {
    class: error.errorClass,
    code: outwardCode(error.code),
    stage,
    message: error.message,
    retryable: error.errorClass === 'internal',
  };
}
