import { Go } from '../rooma/commands/go.command.js'; export const x = Go;
