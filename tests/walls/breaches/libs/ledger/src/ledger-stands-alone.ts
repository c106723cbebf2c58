import { inner } from '#libs/kernel'; export const x = inner;
