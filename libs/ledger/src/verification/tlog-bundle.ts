import { equalBytes, hexOf } from '../bytes.js';
import type { Finding } from './report.types.js';

/** A bundle as it was read. */
export interface FoundBundle {
  entries: readonly { hash: Uint8Array; eventId?: string | undefined }[];
  /** Bytes at its end that are no whole entry. */
  leftover: number;
}

interface Bundle extends FoundBundle {
  /** Seq of its first entry. */
  from: number;
  /** Leaf hashes its entries should have. */
  stated: readonly Uint8Array[];
}

/** What happened to the entries of a bundle, if the stated hashes are the right ones. None when all is as stated. */
export function bundleFaults(bundle: Bundle): Finding[] {
  const { stated, entries, leftover } = bundle;
  const [expected, there] = [stated.map(hexOf), entries.map(({ hash }) => hexOf(hash))];
  const kept = placesOf(there, expected);
  if (kept !== undefined && leftover === 0) return gapsOf(kept, expected.length).map((gap) => deleted(bundle, gap));
  const intact = placesOf(expected, there);
  if (intact !== undefined) return extras(bundle, intact);
  return leftover > 0 || expected.length !== there.length ? [unreadable(bundle)] : changed(bundle, expected, there);
}

/** Where each of `some` stands in `all`, when they stand there in this order. */
function placesOf(some: readonly string[], all: readonly string[]): number[] | undefined {
  const places: number[] = [];
  let next = 0;
  for (const one of some) {
    const place = all.indexOf(one, next);
    if (place < 0) return undefined;
    places.push(place);
    next = place + 1;
  }
  return places;
}

/** The runs of places that are not among these. */
function gapsOf(places: readonly number[], length: number): { first: number; last: number }[] {
  const gaps: { first: number; last: number }[] = [];
  let first = 0;
  for (const place of [...places, length]) {
    if (place > first) gaps.push({ first, last: place - 1 });
    first = place + 1;
  }
  return gaps;
}

function changed({ from, stated, entries }: Bundle, expected: readonly string[], there: readonly string[]): Finding[] {
  const differing = expected.map((_, i) => i).filter((i) => expected[i] !== there[i]);
  const wanted = new Set(differing.map((i) => expected[i]));
  const moved = differing.filter((i) => wanted.has(there[i] as string));
  const findings: Finding[] = [];
  if (moved.length > 0) {
    const seqs = moved.map((i) => from + i);
    findings.push({ class: 'reordered', seq: seqs[0], seqs, reason: "entries in each other's places" });
  }
  for (const i of differing.filter((place) => !moved.includes(place))) {
    const entry = entries[i] as FoundBundle['entries'][number];
    findings.push({
      class: 'edited',
      seq: from + i,
      ...idOf(entry),
      field: 'bytes',
      stored: hexOf(stated[i] as Uint8Array),
      recomputed: hexOf(entry.hash),
      reason: 'the entry does not have the leaf hash of its tile',
    });
  }
  return findings;
}

/** From the first entry that is not what it should be: it or its length was changed, and with it what seems to follow. */
function unreadable({ from, stated, entries }: Bundle): Finding {
  const first = stated.findIndex((hash, i) => entries[i] === undefined || !equalBytes(hash, entries[i].hash));
  return {
    class: 'edited',
    from: from + first,
    to: from + stated.length - 1,
    field: 'bytes',
    stored: hexOf(stated[first] as Uint8Array),
    reason: `from seq ${from + first} on, the bundle cannot be read as the entries its tile names`,
  };
}

function deleted({ from, stated }: Bundle, { first, last }: { first: number; last: number }): Finding {
  return {
    class: 'deleted',
    ...(first === last ? { seq: from + first } : { from: from + first, to: from + last }),
    stored: hexOf(stated[first] as Uint8Array),
    reason: 'the bundle does not have what its tile names',
  };
}

function extras({ from, stated, entries, leftover }: Bundle, intact: readonly number[]): Finding[] {
  const own = new Set(intact);
  const findings: Finding[] = entries.flatMap(({ hash, eventId }, place) =>
    own.has(place)
      ? []
      : [
          {
            class: 'inserted',
            seq: from + intact.filter((other) => other < place).length,
            ...idOf({ eventId }),
            recomputed: hexOf(hash),
            reason: 'an entry that no tile names',
          },
        ],
  );
  if (leftover === 0) return findings;
  const reason = `${leftover} bytes after the last entry of the bundle`;
  return [...findings, { class: 'inserted', seq: from + stated.length - 1, reason }];
}

const idOf = ({ eventId }: { eventId?: string | undefined }): { event_id?: string } =>
  eventId === undefined ? {} : { event_id: eventId };
