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
  assertNotAhead(id, now);
  if (!isOld(id, now, hotRetentionDays)) return;
  throw tooOld(id, `${shown(oldest(now, hotRetentionDays))} or later`);
}

/** The half of it that holds for an event that may be recorded already, however old it is. */
export function assertNotAhead(id: string, now: number): void {
  if (!isUuidv7(id)) throw new AuditError('AUDIT.EVENT_ID_INVALID', 'an event id is a UUIDv7 in lower case');
  if (uuidv7Time(id) <= now + AHEAD_MS) return;
  throw tooOld(id, `${shown(now + AHEAD_MS)} at most`);
}

/** Whether the hot index may have lost sight of this event. */
export const isOld = (id: string, now: number, hotRetentionDays: number): boolean =>
  uuidv7Time(id) < oldest(now, hotRetentionDays);

const oldest = (now: number, hotRetentionDays: number): number => now - (hotRetentionDays * DAY_MS) / 2;
const tooOld = (id: string, expected: string): AuditError =>
  new AuditError('AUDIT.EVENT_TOO_OLD', `event ${id} is of ${shown(uuidv7Time(id))}, expected ${expected}`);
const shown = (time: number): string => new Date(time).toISOString();
