import { Command } from '@nestjs/cqrs';
import type { ConversionInput, Preflight } from '../conversion.types.js';

/**
 * Looks at a stored model in a child process: positions only, no weights. Nothing is kept. A bad model or an option
 * nobody supports gives issues; rejects with CONVERSION.PREFLIGHT_FAILED when the child gave no answer, and with the
 * object store's errors.
 */
export class PreflightModel extends Command<Preflight> {
  constructor(readonly input: ConversionInput) {
    super();
  }
}
