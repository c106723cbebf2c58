import { Command } from '@nestjs/cqrs';

/**
 * Writes down, once an hour and in the system ledger, the size and root of every ledger that has grown since, and once
 * the activation of the note key. Safe to run in several processes and again after a crash.
 */
export class NoteLedgers extends Command<void> {}
