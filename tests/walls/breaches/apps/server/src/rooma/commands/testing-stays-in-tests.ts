import { harness } from '#libs/testing'; export const x = harness;
