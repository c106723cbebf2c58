import type { IndexStep } from '#libs/mongo';
import { auditIndexes } from './audit/storage/audit.indexes.js';
import { conversionIndexes } from './conversion/storage/conversion.indexes.js';
import { identityIndexes } from './identity/storage/identity.indexes.js';
import { jobsIndexes } from './jobs/storage/jobs.indexes.js';
import { promoteIndexes } from './promote/storage/promote.indexes.js';
import { resultsIndexes } from './results/storage/results.indexes.js';

/** Every room's, applied in this order before the server listens. */
export const indexSteps: readonly IndexStep[] = [
  ...auditIndexes,
  ...identityIndexes,
  ...jobsIndexes,
  ...conversionIndexes,
  ...resultsIndexes,
  ...promoteIndexes,
];
