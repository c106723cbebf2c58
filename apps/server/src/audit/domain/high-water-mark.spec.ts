import { entryOf, leafHash, parseEvent, rootOf } from '#libs/ledger';
import { eventsOf } from '../append/in-memory-entries.fixture.js';
import { chained, emptyHead } from './entry.js';
import { contradiction, emptyMark, grown, markText, parsedMark, type Mark } from './high-water-mark.js';

const TENANT = 'acme';
const ORIGIN = 'assay.test/ledger/acme';
const entries = chained(TENANT, emptyHead(ORIGIN), eventsOf(TENANT, 7));

const markAfter = (count: number): Mark => grown(emptyMark(ORIGIN), entries.slice(0, count)) as Mark;

describe('chained', () => {
  it('makes the documents that #libs/ledger makes one by one', () => {
    let previous = emptyHead(ORIGIN).chainHash;
    for (const entry of entries) {
      const event = parseEvent(entry.bytes);
      const one = entryOf({ tenant: TENANT, seq: entry.seq, event, bytes: entry.bytes, previousChainHash: previous });
      expect(entry).toEqual(one);
      previous = entry.chain_hash;
    }
  });
});

describe('grown', () => {
  it('has the root over all leaves, in one step or in many', () => {
    const leaves = entries.map(({ bytes }) => leafHash(bytes));
    const stepwise = grown(grown(markAfter(2), entries.slice(2, 3)) as Mark, entries.slice(3)) as Mark;
    expect(stepwise).toEqual(markAfter(7));
    expect(Buffer.from(stepwise.root)).toEqual(Buffer.from(rootOf(leaves)));
  });

  it('names the seq that is missing or does not follow', () => {
    expect(grown(markAfter(2), entries.slice(3))).toEqual({ broken: 'seq 2 is missing' });
    const edited = { ...entries[2]!, bytes: entries[3]!.bytes };
    expect(grown(markAfter(2), [edited])).toEqual({ broken: 'seq 2 does not continue the chain' });
  });

  it('takes what is no bytes for a broken chain, not for a fault of its own', () => {
    const hostile = { ...entries[2]!, bytes: 'text' as unknown as Uint8Array };
    expect(grown(markAfter(2), [hostile])).toEqual({ broken: 'seq 2 does not continue the chain' });
  });
});

describe('contradiction', () => {
  it('is none when the store has what was signed, or more', () => {
    expect(contradiction(markAfter(5), 4, entries[4]!.chain_hash)).toBeUndefined();
    expect(contradiction(markAfter(5), 6, entries[4]!.chain_hash)).toBeUndefined();
    expect(contradiction(emptyMark(ORIGIN), -1, undefined)).toBeUndefined();
  });

  it('says what is wrong', () => {
    expect(contradiction(markAfter(5), 3, undefined)).toBe('the store has 4 entries, 5 were signed');
    expect(contradiction(markAfter(5), 6, undefined)).toBe('seq 4 was signed and is missing');
    expect(contradiction(markAfter(5), 6, entries[3]!.chain_hash)).toBe('seq 4 is not the one that was signed');
  });
});

describe('parsedMark', () => {
  it('reads what was written', () => {
    expect(parsedMark(markText(markAfter(7)), ORIGIN)).toEqual(markAfter(7));
  });

  it.each([
    '',
    '{}',
    markText(markAfter(3)).replace('"size":3', '"size":4'),
    markText(markAfter(3)).replace('acme', 'b'),
  ])('refuses %p with AUDIT.MARK_UNREADABLE', (text) => {
    expect(() => parsedMark(text, ORIGIN)).toThrow(expect.objectContaining({ code: 'AUDIT.MARK_UNREADABLE' }));
  });
});
