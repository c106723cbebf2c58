import { main } from '../../server/src/main.js'; export const x = main;
