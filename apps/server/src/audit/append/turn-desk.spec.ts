import { InMemoryLines } from './in-memory-lines.fixture.js';
import { TurnDesk, type Granted } from './turn-desk.js';

const HEAD = { seq: 7, chainHash: new Uint8Array(32) };

function desks(count: number): { lines: InMemoryLines; all: TurnDesk[] } {
  const lines = new InMemoryLines();
  return { lines, all: Array.from({ length: count }, (_, number) => new TurnDesk(`writer-${number}`, lines)) };
}

describe('TurnDesk', () => {
  it('gives the first comer a turn at once, whoever wrote last', async () => {
    const [desk] = desks(1).all;
    const granted = await desk!.turn('acme');
    expect(granted).toMatchObject({ waited: false, line: { tenant: 'acme', writers: ['writer-0'] } });
  });

  it('gives each writer its turn in the order of joining, and tells it where the one before left off', async () => {
    const { all } = desks(4);
    const order: number[] = [];
    const served = async (desk: TurnDesk, number: number): Promise<Granted> => {
      const granted = await desk.turn('acme');
      order.push(number);
      desk.end(granted.line!, { ...HEAD, seq: number });
      return granted;
    };
    const granted = await Promise.all(all.map(served));
    expect(order).toEqual([0, 1, 2, 3]);
    expect(granted.map(({ line, waited }) => [line!.head?.seq, waited])).toEqual([
      [undefined, false],
      [0, true],
      [1, true],
      [2, true],
    ]);
  });

  it('waits at each ledger apart', async () => {
    const { all } = desks(2);
    await all[0]!.turn('acme');
    const other = await all[1]!.turn('umbrella');
    expect(other.waited).toBe(false);
  });

  describe('when a writer never ends its turn', () => {
    it('lets the next go on without it, and without its head', async () => {
      const { all, lines } = desks(2);
      const held = await all[0]!.turn('acme');
      const granted = await all[1]!.turn('acme');
      expect(granted).toMatchObject({ waited: true, line: { turn: held.line!.turn + 1, head: undefined } });
      all[0]!.end(held.line!, HEAD); // too late
      await all[0]!.idle();
      expect(lines.writersOf('acme')).toEqual(['writer-1']);
    });
  });

  describe('when the store does not answer', () => {
    it('resolves without a turn, and with one when it answers again', async () => {
      const { all, lines } = desks(1);
      lines.failing = true;
      expect(await all[0]!.turn('acme')).toEqual({ line: undefined, waited: false });
      lines.failing = false;
      expect((await all[0]!.turn('acme')).line).toBeDefined();
    });
  });
});
