import { textOf, utf8 } from './bytes.js';
import { canonicalJson } from './canonical-json.js';
import { formFaultsOf, MEMBERS } from './event-form.js';
import type { LedgerEvent } from './event.types.js';
import { LedgerError } from './ledger.errors.js';
import type { FormFault } from './ledger.errors.js';

/** The most a tlog-tiles entry can hold (C2SP tlog-tiles: its length is a big-endian uint16). */
export const MAX_EVENT_BYTES = 65_535;

/**
 * The bytes everything is hashed over: UTF-8 JSON without white space, top-level members in the order of the event
 * table, every value by RFC 8785. Throws EVENT_FORM (with every fault in `details`), EVENT_VALUE or EVENT_TOO_LARGE.
 */
export function canonicalBytes(event: LedgerEvent): Uint8Array {
  const faults = formFaultsOf(event);
  if (faults.length > 0) throw formError(faults);
  const bytes = utf8(canonicalText(event));
  if (bytes.length > MAX_EVENT_BYTES) throw sizeError(bytes.length);
  return bytes;
}

/**
 * The event these canonical bytes hold; `canonicalBytes` of it gives the bytes back. Throws EVENT_TOO_LARGE,
 * EVENT_NOT_CANONICAL, EVENT_VALUE or EVENT_FORM.
 */
export function parseEvent(bytes: Uint8Array): LedgerEvent {
  if (bytes.length > MAX_EVENT_BYTES) throw sizeError(bytes.length);
  const { text, value } = parsedJson(bytes);
  const faults = formFaultsOf(value);
  if (faults.length > 0) throw formError(faults);
  if (canonicalText(value as LedgerEvent) !== text) {
    throw new LedgerError('LEDGER.EVENT_NOT_CANONICAL', 'the bytes are JSON of an event, but not its canonical bytes');
  }
  return value as LedgerEvent;
}

/** What is wrong with the form of these bytes; empty for canonical bytes. Says nothing about any hash. */
export function formFaults(bytes: Uint8Array): FormFault[] {
  return readEvent(bytes).faults;
}

/** `parseEvent` for readers that must go on: the event, or the faults that keep the bytes from being one. */
export function readEvent(
  bytes: Uint8Array,
): { event: LedgerEvent; faults: [] } | { event?: never; faults: FormFault[] } {
  try {
    return { event: parseEvent(bytes), faults: [] };
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return { faults: error.details.length > 0 ? [...error.details] : [{ pointer: '', expected: error.message }] };
  }
}

function canonicalText(event: LedgerEvent): string {
  let text = '';
  for (const member of MEMBERS) {
    const value = event[member];
    if (value !== undefined) text += `${text === '' ? '{' : ','}"${member}":${canonicalJson(value)}`;
  }
  return `${text}}`;
}

function parsedJson(bytes: Uint8Array): { text: string; value: unknown } {
  try {
    const text = textOf(bytes);
    return { text, value: JSON.parse(text) };
  } catch (cause) {
    throw new LedgerError('LEDGER.EVENT_NOT_CANONICAL', 'the bytes are not JSON in well-formed UTF-8', { cause });
  }
}

const formError = (faults: FormFault[]): LedgerError =>
  new LedgerError(
    'LEDGER.EVENT_FORM',
    `not the form of an event: ${faults.map(({ pointer, expected }) => `${pointer} must be ${expected}`).join('; ')}`,
    { details: faults },
  );

const sizeError = (found: number): LedgerError =>
  new LedgerError('LEDGER.EVENT_TOO_LARGE', `an event has at most ${MAX_EVENT_BYTES} bytes, this one has ${found}`);
