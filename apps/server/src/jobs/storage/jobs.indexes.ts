import { outboxIndex, type IndexStep } from '#libs/mongo';
import { JOBS, ONE_ACTIVE_JOB } from './job.store.js';

export const jobsIndexes: IndexStep[] = [
  {
    id: 'jobs/1',
    collection: JOBS,
    create: [
      {
        name: ONE_ACTIVE_JOB,
        key: { tenant: 1, user_id: 1 },
        unique: true,
        partialFilterExpression: { active: true },
      },
      { name: 'newest_of_tenant', key: { tenant: 1, _id: -1 } },
      { name: 'newest_of_user', key: { tenant: 1, user_id: 1, _id: -1 } },
      outboxIndex,
    ],
  },
  {
    id: 'jobs/2',
    collection: JOBS,
    create: [
      { name: 'newest_of_status', key: { tenant: 1, status: 1, _id: -1 } },
      { name: 'newest_of_platform', key: { tenant: 1, platform: 1, _id: -1 } },
    ],
  },
  { id: 'uploads/1', collection: 'uploads', create: [{ name: 'started_at', key: { started_at: 1 } }] },
];
