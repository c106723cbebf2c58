import { outboxIndex, type IndexStep } from '#libs/mongo';
import { DOWNLOADS } from './download.store.js';

export const resultsIndexes: IndexStep[] = [
  {
    id: 'downloads/1',
    collection: DOWNLOADS,
    create: [{ name: 'open_since', key: { open: 1, started_at: 1 } }, outboxIndex],
  },
];
