/** Where an entry was read: in the database, there again from an archived batch, or in the batch itself. */
export type Tier = 'hot' | 'restored' | 'archived';
