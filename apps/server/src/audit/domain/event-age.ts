import { isUuidv7, uuidv7Time } from '#libs/kernel';
import { AuditError } from '../audit.errors.js';

const DAY_MS = 86_400_000;
/** How far ahead a producer's clock may be, in milliseconds. */
const AHEAD_MS = 5 * 60_000;

/**
 * Archiving goes by append time and de-duplication by the hot index, so an event may not be older than what the hot
 * index is sure to hold still. Throws AUDIT.EVENT_ID_INVALID or AUDIT.EVENT_TOO_OLD.
 */
export function assertFresh(id: string, now: number, hotRetentionDays: number): void {
  if (!isUuidv7(id)) throw new AuditError('AUDIT.EVENT_ID_INVALID', 'an event id is a UUIDv7 in lower case');
  const time = uuidv7Time(id);
  const oldest = now - (hotRetentionDays * DAY_MS) / 2;
  if (time >= oldest && time <= now + AHEAD_MS) return;
  throw new AuditError(
    'AUDIT.EVENT_TOO_OLD',
    `event ${id} is of ${shown(time)}, expected from ${shown(oldest)} to ${shown(now + AHEAD_MS)}`,
  );
}

const shown = (time: number): string => new Date(time).toISOString();
