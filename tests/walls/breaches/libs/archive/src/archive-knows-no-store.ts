import { harness } from '#libs/testing'; export const store = harness;
