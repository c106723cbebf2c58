import type { EventKind } from '#libs/ledger';
import { auditEventKinds } from './audit/index.js';
import { conversionEventKinds } from './conversion/index.js';
import { identityEventKinds } from './identity/index.js';
import { jobsEventKinds } from './jobs/index.js';
import { promoteEventKinds } from './promote/index.js';
import { resultsEventKinds } from './results/index.js';

/** What the rooms declare at their doors: the closed list of what an event can be. */
export const kindsByRoom: Readonly<Record<string, readonly EventKind[]>> = {
  audit: Object.values(auditEventKinds),
  identity: Object.values(identityEventKinds),
  jobs: Object.values(jobsEventKinds),
  conversion: Object.values(conversionEventKinds),
  results: Object.values(resultsEventKinds),
  promote: Object.values(promoteEventKinds),
};
