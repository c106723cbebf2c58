import { Go } from '../rooma/index.js'; export const x = Go;
