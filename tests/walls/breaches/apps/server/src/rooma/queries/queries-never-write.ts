import { Go } from '../commands/go.command.js'; export const x = Go;
