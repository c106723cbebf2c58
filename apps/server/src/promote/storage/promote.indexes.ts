import { outboxIndex, type IndexStep } from '#libs/mongo';
import { PROMOTIONS } from './promotion.store.js';

export const promoteIndexes: IndexStep[] = [{ id: 'promotions/1', collection: PROMOTIONS, create: [outboxIndex] }];
