import { ArchiveError } from './archive.errors.js';

const NEWLINE = 0x0a;

/** The most entries of a batch, and the most bytes of its lines with their newlines (docs/design/archive.md §1, §2). */
export const MAX_BATCH_ENTRIES = 65_536;
export const MAX_BATCH_BYTES = 32 * 1024 * 1024;
/** With what deflate adds to bytes that it cannot shrink, and gzip and AES-GCM around it. */
export const MAX_STORED_BYTES = MAX_BATCH_BYTES + 64 * 1024;

/** JSONL: each event's canonical bytes as they are, and a newline. Throws LINE_FORM for bytes that are no line. */
export function batchLines(entries: readonly Uint8Array[]): Buffer {
  const lines = Buffer.allocUnsafe(entries.reduce((length, bytes) => length + bytes.length + 1, 0));
  let offset = 0;
  for (const [index, bytes] of entries.entries()) {
    const end = offset + bytes.length;
    lines.set(bytes, offset);
    lines[end] = NEWLINE;
    if (bytes.length === 0 || lines.indexOf(NEWLINE, offset) !== end) throw noLine(index);
    offset = end + 1;
  }
  return lines;
}

/** The lines without their newlines, as views of `lines`. Throws LINE_FORM for an empty line or a last one that does not end. */
export function linesOfBatch(lines: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let from = 0; from < lines.length;) {
    const end = lines.indexOf(NEWLINE, from);
    if (end <= from) throw noLine(found.length);
    found.push(lines.subarray(from, end));
    from = end + 1;
  }
  return found;
}

const noLine = (index: number): ArchiveError =>
  new ArchiveError('ARCHIVE.LINE_FORM', `expected one event and a newline in line ${index + 1}`);
