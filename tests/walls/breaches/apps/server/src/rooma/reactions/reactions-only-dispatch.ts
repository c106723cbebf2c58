import { store } from '../storage/a.store.js'; export const x = store;
