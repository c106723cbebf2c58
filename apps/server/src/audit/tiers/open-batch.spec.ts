import fc from 'fast-check';
import { canonicalBytes, chainHash, genesisHash, hexOf, leafHash, type LedgerEvent } from '#libs/ledger';
import { OpenBatch, type ArchivedEntry, type BatchPlace } from './open-batch.js';

const START = 512;
const GENESIS = genesisHash('assay.test/ledger/acme');

const idOf = (i: number): string => `0193a000-0000-7000-8000-${i.toString(16).padStart(12, '0')}`;

function eventAt(i: number, ms: number): LedgerEvent {
  const ts = new Date(Date.UTC(2026, 10, 21) + ms).toISOString();
  return {
    id: idOf(i),
    ts,
    kind: 'sample.done',
    scope: { tenant: 'acme' },
    actor: { type: 'service', id: 'tester' },
    // The beginning of the next event inside of this one: not where an id is looked for.
    refs: { resource: { id: idOf(i + 1), type: 'event' } },
    meta: { schema: 1, service: 'assay', version: '0.1.0', env: 'test', received_at: ts },
  };
}

interface Sample {
  place: BatchPlace;
  lines: Buffer;
  entries: ArchivedEntry[];
}

/** A batch of events at these milliseconds, one each. */
function sampleOf(times: readonly number[]): Sample {
  let previous = GENESIS;
  const entries = times.map((ms, i): ArchivedEntry => {
    const event = eventAt(i, ms);
    const bytes = Buffer.from(canonicalBytes(event));
    const leaf_hash = leafHash(bytes);
    previous = chainHash(previous, leaf_hash);
    return { seq: START + i, ts: event.ts, bytes, leaf_hash, chain_hash: previous };
  });
  const place = {
    startSeq: START,
    endSeq: START + times.length - 1,
    eventCount: times.length,
    previousChainHash: hexOf(GENESIS),
    endChainHash: hexOf(previous),
  };
  return { place, lines: linesOf(entries), entries };
}

const linesOf = (entries: readonly Pick<ArchivedEntry, 'bytes'>[]): Buffer =>
  Buffer.concat(entries.flatMap(({ bytes }) => [bytes, Buffer.from('\n')]));

const asHex = (entries: readonly ArchivedEntry[]): object[] =>
  entries.map(({ seq, ts, bytes, leaf_hash, chain_hash }) => ({
    seq,
    ts,
    bytes: hexOf(bytes),
    leaf: hexOf(leaf_hash),
    chain: hexOf(chain_hash),
  }));

describe('OpenBatch', () => {
  it('gives every range of what was archived', async () => {
    const { place, lines, entries } = sampleOf([5, 1, 1, 3]);
    const batch = await OpenBatch.of(place, lines);
    for (let from = START - 1; from <= START + 5; from++) {
      for (let to = from; to <= START + 5; to++) {
        const expected = entries.filter(({ seq }) => seq >= from && seq < to);
        expect(asHex(batch.between(from, to))).toEqual(asHex(expected));
      }
    }
    expect(batch.memory).toBeGreaterThan(lines.length);
  });

  it('gives the lines of every range of it as a copy, and the chain hash before each', async () => {
    const { place, lines, entries } = sampleOf([5, 1, 1, 3]);
    const batch = await OpenBatch.of(place, lines);
    const chain = [place.previousChainHash, ...entries.map(({ chain_hash }) => hexOf(chain_hash))];
    for (let from = START; from <= START + 4; from++) {
      expect(batch.chainBefore(from)).toBe(chain[from - START]);
      for (let to = from; to <= START + 4; to++) {
        const copy = batch.linesBetween(from, to);
        expect(Buffer.from(copy)).toEqual(linesOf(entries.slice(from - START, to - START)));
        expect(copy.buffer.byteLength).toBe(copy.length);
        copy.fill(0);
      }
    }
    expect(asHex(batch.between(START, START + 4))).toEqual(asHex(entries));
  });

  it('finds an event by its id, and only as the id of a line', async () => {
    const { place, lines, entries } = sampleOf([1, 2, 3]);
    const batch = await OpenBatch.of(place, lines);
    for (const [i, entry] of entries.entries()) expect(asHex([batch.find(idOf(i))!])).toEqual(asHex([entry]));
    expect(batch.find(idOf(3))).toBeUndefined();
  });

  it('pages like a list that is sorted and filtered', async () => {
    const ms = fc.integer({ min: 0, max: 12 });
    const time = ms.map((value) => new Date(Date.UTC(2026, 10, 21) + value).toISOString());
    const window = fc.record(
      {
        since: time,
        until: time,
        before: fc.oneof(
          fc.record({ ts: time, seq: fc.integer({ min: START - 1, max: START + 20 }) }),
          fc.nat().map((entry) => ({ entry })),
        ),
        limit: fc.integer({ min: 0, max: 12 }),
      },
      { requiredKeys: ['limit'] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(ms, { minLength: 1, maxLength: 20 }), window, async (times, asked) => {
        const { place, lines, entries } = sampleOf(times);
        const { since = '', until = '9', limit } = asked;
        const before =
          asked.before && 'entry' in asked.before ? entries[asked.before.entry % entries.length] : asked.before;
        const naive = entries
          .filter(({ ts }) => ts >= since && ts < until)
          .filter(({ ts, seq }) => !before || ts < before.ts || (ts === before.ts && seq < before.seq))
          .sort((a, b) => (a.ts === b.ts ? b.seq - a.seq : a.ts < b.ts ? 1 : -1))
          .slice(0, limit);
        const batch = await OpenBatch.of(place, lines);
        expect(asHex(batch.page({ ...asked, before }))).toEqual(asHex(naive));
      }),
    );
  });

  describe('of other lines than the record says', () => {
    const refused = async (change: (sample: Sample) => Sample): Promise<unknown> => {
      const { place, lines } = change(sampleOf([1, 2, 3]));
      return OpenBatch.of(place, lines).then(
        () => undefined,
        (error: { code?: string }) => error.code,
      );
    };

    it('is refused with the cause', async () => {
      const [a, b, c] = [0, 1, 2];
      const reordered = ({ entries, ...rest }: Sample): Sample => ({
        ...rest,
        entries,
        lines: linesOf([entries[b]!, entries[a]!, entries[c]!]),
      });
      expect(await refused((sample) => sample)).toBeUndefined();
      expect(await refused(reordered)).toBe('ARCHIVE.LINE_ORDER');
      expect(await refused((s) => ({ ...s, lines: linesOf(s.entries.slice(1)) }))).toBe('ARCHIVE.LINE_COUNT');
      expect(await refused((s) => ({ ...s, lines: s.lines.subarray(0, -1) }))).toBe('ARCHIVE.LINE_FORM');
      expect(await refused((s) => ({ ...s, lines: Buffer.from('{}\n{}\n{}\n') }))).toBe('ARCHIVE.LINE_FORM');
      const moved = ({ place, ...rest }: Sample): Sample => ({
        ...rest,
        place: { ...place, previousChainHash: hexOf(leafHash(Buffer.from('other'))) },
      });
      expect(await refused(moved)).toBe('ARCHIVE.LINE_ORDER');
    });
  });
});
