import fc from 'fast-check';
import { bytesOfHex } from '../bytes.js';
import { leafHash } from '../index.js';
import type { Break, VerificationReport } from '../index.js';
import { eventBytes, tlogOf, verifiedTlog } from './tlog.fixture.js';
import type { TlogFiles } from './tlog.fixture.js';

/** Runs of random damage; TLOG_CASES=5000 for a long one. */
const RUNS = Number(process.env['TLOG_CASES'] ?? 40);
jest.setTimeout(30_000 + 200 * RUNS);

const ENTRIES = Array.from({ length: 520 }, (_, n) => eventBytes(n));
const SIZES = [1, 2, 5, 255, 256, 257, 520];
const LOGS = new Map(SIZES.map((size) => [size, tlogOf(ENTRIES.slice(0, size))]));

interface Damage {
  kind: 'flip' | 'cut' | 'append' | 'remove' | 'swap' | 'rewrite';
  file: number;
  at: number;
  bit: number;
}

const damages = fc.array(
  fc.record({
    kind: fc.constantFrom<Damage['kind']>('flip', 'cut', 'append', 'remove', 'swap', 'rewrite'),
    file: fc.nat(),
    at: fc.nat(),
    bit: fc.nat(7),
  }),
  { minLength: 1, maxLength: 4 },
);

/** What a bundle holds, read without a thought for what may be wrong; undefined when it is not its form. */
function entriesIn(bytes: Uint8Array | undefined, width: number): Buffer[] | undefined {
  const entries: Buffer[] = [];
  let rest = Buffer.from(bytes ?? []);
  while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE()) {
    entries.push(rest.subarray(2, 2 + rest.readUInt16BE()));
    rest = rest.subarray(2 + rest.readUInt16BE());
  }
  return bytes !== undefined && rest.length === 0 && entries.length === width ? entries : undefined;
}

const bundleOf = (entries: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(Buffer.concat(entries.flatMap((entry) => [Buffer.of(entry.length >> 8, entry.length & 255), entry])));

function damaged(files: TlogFiles, damage: Damage): void {
  const names = [...files.keys()].filter((name) => name !== 'checkpoint');
  const name = names[damage.file % Math.max(names.length, 1)];
  const bytes = name === undefined ? undefined : files.get(name);
  if (name === undefined || bytes === undefined || bytes.length === 0) return;
  const at = damage.at % bytes.length;
  if (damage.kind === 'flip') files.set(name, bytes.with(at, (bytes[at] as number) ^ (1 << damage.bit)));
  else if (damage.kind === 'cut') files.set(name, bytes.slice(0, at));
  else if (damage.kind === 'append') files.set(name, Uint8Array.of(...bytes, ...bytes.subarray(0, 1 + damage.bit)));
  else if (damage.kind === 'remove') files.delete(name);
  else rearranged(files, damage);
}

/** Swaps two entries of the first bundle, or writes another in the place of one and its hash into the tile. */
function rearranged(files: TlogFiles, { kind, at, bit }: Damage): void {
  const name = [...files.keys()].find((path) => path.startsWith('tile/entries/000'));
  const bytes = name === undefined ? undefined : files.get(name);
  const width = name?.includes('.p/') === true ? Number(name.split('.p/')[1]) : 256;
  const entries = entriesIn(bytes, width);
  if (name === undefined || entries === undefined) return;
  const [a, b] = [at % width, (at + bit) % width];
  if (kind === 'swap') {
    files.set(name, bundleOf(entries.with(a, entries[b] as Buffer).with(b, entries[a] as Buffer)));
    return;
  }
  files.set(name, bundleOf(entries.with(a, Buffer.from(eventBytes(900 + bit)))));
  const tile = name.replace('entries', '0');
  const hashes = files.get(tile);
  if (hashes === undefined || hashes.length < (a + 1) * 32) return;
  const forged = Uint8Array.from(hashes);
  forged.set(leafHash(eventBytes(900 + bit)), a * 32);
  files.set(tile, forged);
}

/** Seqs whose entry is not in its place any more. */
function wrongSeqs(files: TlogFiles, size: number): number[] {
  const wrong: number[] = [];
  for (let from = 0; from < size; from += 256) {
    const width = Math.min(256, size - from);
    const name = `tile/entries/00${from / 256}${width === 256 ? '' : `.p/${width}`}`;
    const entries = entriesIn(files.get(name), width);
    for (let i = 0; i < width; i++) {
      const is = entries?.[i];
      if (is === undefined || !is.equals(ENTRIES[from + i] as Uint8Array)) wrong.push(from + i);
    }
  }
  return wrong;
}

const covers = ({ seq, seqs, from, to }: Break, place: number): boolean =>
  seqs?.includes(place) ?? (seq === place || (from !== undefined && to !== undefined && from <= place && place <= to));

const same = (one: TlogFiles, other: TlogFiles): boolean =>
  one.size === other.size &&
  [...one].every(([name, bytes]) => Buffer.from(bytes).equals(Buffer.from(other.get(name) ?? [])));

describe('a log that was damaged at random', () => {
  const law = (check: (report: VerificationReport, files: TlogFiles, size: number) => void) =>
    fc.assert(
      fc.asyncProperty(fc.constantFrom(...SIZES), damages, async (size, list) => {
        const original = LOGS.get(size) as TlogFiles;
        const files: TlogFiles = new Map(original);
        for (const damage of list) damaged(files, damage);
        const report = await verifiedTlog(files);
        if (same(files, original)) expect(report.tier).toBe('consistent');
        else check(report, files, size);
      }),
      { numRuns: RUNS },
    );

  it('is broken, and every entry that is wrong lies in a break', async () => {
    await law((report, files, size) => {
      expect(report.tier).toBe('broken');
      const missed = wrongSeqs(files, size).filter((seq) => !report.breaks.some((found) => covers(found, seq)));
      // A bundle that is not its form may still hold entries that are right.
      const unread = missed.filter((seq) => entriesStand(files, size, seq));
      expect(missed).toEqual(unread);
    });
  });

  it('accuses no entry of having been edited that is as it was', async () => {
    await law((report, files, size) => {
      const wrong = new Set(wrongSeqs(files, size));
      const accused = report.breaks.filter(
        ({ class: kind, located, verdict, seq }) =>
          kind === 'edited' && located === 'seq' && verdict === 'proven_tampering' && seq !== undefined,
      );
      expect(accused.filter(({ seq }) => !wrong.has(seq as number))).toEqual([]);
      for (const { stored } of accused) expect(bytesOfHex(stored ?? '')).toHaveLength(32);
    });
  });

  /** Whether the entry of this seq is among the whole ones of a bundle that has too few or too many. */
  function entriesStand(files: TlogFiles, size: number, seq: number): boolean {
    const from = seq - (seq % 256);
    const width = Math.min(256, size - from);
    const bytes = files.get(`tile/entries/00${from / 256}${width === 256 ? '' : `.p/${width}`}`);
    return bytes !== undefined && Buffer.from(bytes).includes(Buffer.from(ENTRIES[seq] as Uint8Array));
  }
});
