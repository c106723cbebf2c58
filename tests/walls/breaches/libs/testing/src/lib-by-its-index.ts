import { inner } from '../../kernel/src/inner.js'; export const x = inner;
