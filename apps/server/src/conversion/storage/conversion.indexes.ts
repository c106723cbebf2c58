import { type IndexStep, outboxIndex } from '#libs/mongo';
import { TASKS } from './task.store.js';

export const conversionIndexes: IndexStep[] = [
  {
    id: 'tasks/1',
    collection: TASKS,
    create: [
      { name: 'by_job', key: { tenant: 1, job_id: 1 }, unique: true },
      {
        name: 'queued',
        key: { state: 1, tenant: 1, not_before: 1 },
        partialFilterExpression: { state: 'queued' },
      },
      { name: 'leases', key: { state: 1, lease_at: 1 }, partialFilterExpression: { state: 'running' } },
      { name: 'unswept', key: { unswept: 1, finished_at: 1 }, partialFilterExpression: { unswept: true } },
      outboxIndex,
    ],
  },
];
