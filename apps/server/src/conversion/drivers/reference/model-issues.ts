import { inspectModel } from '#libs/onnx';
import type { ConversionRequest, Issue } from '../../driver/driver.types.js';
import { platformIssues, platformOps } from './operator-table.js';
import type { PlatformOps } from './conversion-report.js';

/** What positions alone say of a model: weights are not read, nothing is written. */
export function modelIssues(
  request: ConversionRequest,
  shapes: Record<string, number[]>,
): { issues: Issue[]; platformOps: PlatformOps } {
  const { platform } = request.modelConfig;
  const inspection = inspectModel(request.model.path, { shapes });
  const ops = platformOps(platform, inspection.operators);
  const issues = inspection.issues.map((issue) => ({ ...issue, code: outwardCode(issue.code) }));
  return { issues: [...issues, ...platformIssues(platform, ops)], platformOps: ops };
}

/** `ONNX.EMPTY_FILE` is `empty_file` in issues, reports and errors of a job. */
export function outwardCode(code: string): string {
  return code.replace(/^ONNX\./, '').toLowerCase();
}
