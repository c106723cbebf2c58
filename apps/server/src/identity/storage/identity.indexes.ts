import { outboxIndex, type IndexStep } from '#libs/mongo';

/** Keys and tenants are only ever read by id. */
export const identityIndexes: IndexStep[] = [
  { id: 'api_keys/1', collection: 'api_keys', create: [outboxIndex] },
  { id: 'tenants/1', collection: 'tenants', create: [outboxIndex] },
];
