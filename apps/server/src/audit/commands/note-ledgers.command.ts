import { Command } from '@nestjs/cqrs';

/**
 * Writes down in the system ledger, once an hour, the size and root of every ledger that has a checkpoint, after it has
 * looked whether what was written down before is all there. Safe to run in several processes and again after a crash.
 */
export class NoteLedgers extends Command<void> {}
