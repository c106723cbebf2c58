import type { Go } from '../../../apps/server/src/rooma/index.js'; export type X = Go;
