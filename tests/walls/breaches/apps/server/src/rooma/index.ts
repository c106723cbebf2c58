export { Go } from './commands/go.command.js';
