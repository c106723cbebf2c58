import type { Head } from '../domain/entry.js';
import { AppendTurns, type Taken } from './append-turns.js';
import { InMemoryLines } from './in-memory-lines.fixture.js';
import { TurnDesk } from './turn-desk.js';

const HEAD: Head = { seq: 41, chainHash: new Uint8Array(32) };

describe('AppendTurns', () => {
  describe('while no other writer was met', () => {
    it('lets every flush go on and stands in no line', async () => {
      const lines = new InMemoryLines();
      const turns = new AppendTurns('acme', new TurnDesk('one', lines));
      expect(await turns.take(HEAD)).toBe('go on');
      expect(lines.writersOf('acme')).toEqual([]);
    });

    it('learns of those whom its own flushes keep out, and stands in line behind them', async () => {
      const lines = new InMemoryLines();
      const fast = new AppendTurns('acme', new TurnDesk('fast', lines));
      const slow = new AppendTurns('acme', new TurnDesk('slow', lines));
      expect(await fast.take(HEAD)).toBe('go on');
      slow.contended();
      await slow.take(undefined);
      const flushing = async (): Promise<Taken> => {
        for (;;) {
          const taken = await fast.take(HEAD);
          if (taken !== 'go on') return taken;
          await new Promise(setImmediate);
        }
      };
      const handedOver = flushing();
      while (lines.writersOf('acme').length < 2) await new Promise(setImmediate);
      slow.giveBack({ ...HEAD, seq: 50 });
      expect(await handedOver).toEqual({ head: { ...HEAD, seq: 50 } });
    });
  });

  describe('after a conflict', () => {
    it('takes a turn, keeps it over several flushes, and hands its head to the next', async () => {
      const lines = new InMemoryLines();
      const one = new AppendTurns('acme', new TurnDesk('one', lines));
      const two = new AppendTurns('acme', new TurnDesk('two', lines));
      one.contended();
      two.contended();
      expect(await one.take(undefined)).toEqual({ head: undefined });
      const next = two.take(undefined);
      expect(await one.take(HEAD)).toBe('go on');
      one.giveBack(HEAD);
      expect(await next).toEqual({ head: HEAD });
    });

    it('trusts no head that nobody handed over while it waited', async () => {
      const lines = new InMemoryLines();
      const one = new AppendTurns('acme', new TurnDesk('one', lines));
      const two = new AppendTurns('acme', new TurnDesk('two', lines));
      one.contended();
      two.contended();
      await one.take(undefined);
      one.giveBack(HEAD);
      while (lines.writersOf('acme').length > 0) await new Promise(setImmediate);
      expect(await two.take(undefined)).toEqual({ head: undefined });
    });

    it('goes on from its own head when nobody had a turn since its last one', async () => {
      const lines = new InMemoryLines();
      const one = new AppendTurns('acme', new TurnDesk('one', lines));
      one.contended();
      await one.take(undefined);
      one.giveBack(HEAD);
      expect(await one.take(HEAD)).toBe('go on');
    });

    it('goes on from the head of whoever had a turn since its last one, also when it stood in no line then', async () => {
      const lines = new InMemoryLines();
      const one = new AppendTurns('acme', new TurnDesk('one', lines));
      const two = new AppendTurns('acme', new TurnDesk('two', lines));
      one.contended();
      two.contended();
      await one.take(undefined);
      one.giveBack(undefined);
      while (lines.writersOf('acme').length > 0) await new Promise(setImmediate);
      await two.take(undefined);
      two.giveBack(HEAD);
      while (lines.writersOf('acme').length > 0) await new Promise(setImmediate);
      expect(await one.take(undefined)).toEqual({ head: HEAD });
    });
  });
});
