import { store } from '../storage/door-shows-messages.js'; export const x = store;
