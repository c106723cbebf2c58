import { gone } from './gone.js'; export const unresolved = gone;
