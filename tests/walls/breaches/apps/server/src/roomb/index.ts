export { store } from './storage/door-shows-messages.js';
