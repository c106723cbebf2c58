import { createHash } from 'node:crypto';
import { hostname } from 'node:os';

/** The same after a restart on the same data folder, which no second process can hold: no waiting for its own lease. */
export const leaseOwner = (dataDir: string): string =>
  createHash('sha256').update(`${hostname()}\n${dataDir}`).digest('hex').slice(0, 32);
