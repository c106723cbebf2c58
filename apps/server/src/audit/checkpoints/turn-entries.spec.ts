import fc from 'fast-check';
import type { SignedEntry } from '../domain/high-water-mark.js';
import { TurnEntries } from './turn-entries.js';

const MIB = 1024 * 1024;

function ledgerOf(size: number, bytes = new Uint8Array(1)): { all: SignedEntry[]; reads: number; turn: TurnEntries } {
  const all = Array.from({ length: size }, (_, seq) => ({ seq, bytes, chain_hash: new Uint8Array(32) }));
  const ledger = { all, reads: 0, turn: undefined as unknown as TurnEntries };
  ledger.turn = new TurnEntries(async (seq, limit) => {
    ledger.reads += 1;
    return all.slice(seq, seq + limit);
  });
  return ledger;
}

describe('TurnEntries', () => {
  it('gives what the store has, whatever was asked before', async () => {
    const question = fc.record({ seq: fc.nat(60), limit: fc.integer({ min: 1, max: 30 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(question, { maxLength: 12 }), async (questions) => {
        const { all, turn } = ledgerOf(50);
        for (const { seq, limit } of questions) {
          const found = await turn.after(seq, limit);
          expect(found).toEqual(all.slice(seq, seq + found.length));
          expect(found.length).toBeLessThanOrEqual(limit);
          expect(found.length > 0).toBe(seq < all.length);
        }
      }),
    );
  });

  it('reads what was read before from memory', async () => {
    const ledger = ledgerOf(300);
    await ledger.turn.after(100, 100);
    await ledger.turn.after(200, 100);
    expect(ledger.reads).toBe(2);
    for (let seq = 100; seq < 300; seq += 50) await ledger.turn.after(seq, 50);
    expect(ledger.reads).toBe(2);
    await ledger.turn.after(40, 60);
    expect(ledger.reads).toBe(3);
  });

  it('keeps no more than 16 MiB and one entry', async () => {
    const ledger = ledgerOf(40, new Uint8Array(MIB));
    await ledger.turn.after(0, 40);
    expect(await ledger.turn.after(0, 40)).toHaveLength(16);
    expect(ledger.reads).toBe(1);
    await ledger.turn.after(16, 10);
    expect(ledger.reads).toBe(2);
  });
});
