import type { Issue, Platform } from '../../driver/driver.types.js';
import type { PlatformOps } from './conversion-report.js';

/**
 * Operators the vendor's table does not mark for the NPU of a platform (operator page of the toolchain's manual,
 * v0.33.1). Only what is known to be missing is listed: everything else is unknown here, and the vendor's own run
 * decides.
 */
const NOT_ON_NPU: Record<Platform, readonly string[]> = {
  '520': ['Flatten', 'Mul', 'Reshape', 'Sigmoid', 'Softmax', 'Transpose'],
  '530': [],
  '630': [],
  '720': ['Div', 'HardSigmoid', 'Softmax', 'Split'],
  '730': [],
};

export const OPERATOR_TABLE_VERSION = 'v0.33.1';

/** `operators` counts the model's nodes by operator. */
export function platformOps(platform: Platform, operators: Record<string, number>): PlatformOps {
  const list = Object.entries(operators)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([op, nodes]) => ({
      op,
      nodes,
      support: NOT_ON_NPU[platform].includes(op) ? ('cpu' as const) : ('unknown' as const),
    }));
  const count = (support: 'cpu' | 'unknown') =>
    list.filter((row) => row.support === support).reduce((sum, row) => sum + row.nodes, 0);
  return { docVersion: OPERATOR_TABLE_VERSION, npu: 0, cpu: count('cpu'), unknown: count('unknown'), list };
}

export function platformIssues(platform: Platform, ops: PlatformOps): Issue[] {
  return ops.list
    .filter((row) => row.support === 'cpu')
    .map((row) => ({
      code: 'platform_op_advisory',
      severity: 'info',
      message: `operator ${row.op} (${row.nodes} nodes) is not marked for the NPU of ${platform} in the vendor's table ${ops.docVersion}`,
      where: row.op,
      hint: 'advisory: the vendor toolchain decides',
    }));
}
