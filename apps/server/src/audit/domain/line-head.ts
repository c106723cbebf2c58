/** Canonical bytes begin so: id and time stand at fixed places (docs/design/ledger.md §1). */
const HEAD = /^\{"id":"[0-9a-f-]{36}","ts":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",/;
const ID = [7, 43] as const;
const TS = [51, 75] as const;
const HEAD_LENGTH = TS[1] + 2;

/** Whether a line begins as an event does. Says nothing of the rest of it. */
export const hasHead = (line: Uint8Array): boolean => HEAD.test(textIn(line, [0, Math.min(line.length, HEAD_LENGTH)]));

/** The event's id in the line that begins at `start`. */
export const idAt = (lines: Uint8Array, start = 0): string => textIn(lines, ID, start);

/** The event's time, RFC 3339 with milliseconds. */
export const tsAt = (lines: Uint8Array, start = 0): string => textIn(lines, TS, start);

const textIn = (bytes: Uint8Array, [from, to]: readonly [number, number], start = 0): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1', start + from, start + to);
