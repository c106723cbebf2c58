import { GoHandler } from '../commands/go.handler.js'; export const x = GoHandler;
