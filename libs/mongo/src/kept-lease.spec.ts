import { KeptLease } from './kept-lease.js';
import type { Lease } from './leases.js';

/** The store's side of one name: who has it, and whether the store answers. */
class OneName {
  holder: string | null = null;
  answers = true;
  renewals = 0;
  private token = 0;
  private renewed: () => void = () => undefined;

  kept(owner: string, ms = 60_000): KeptLease {
    return new KeptLease(this, 'night', owner, ms);
  }

  async acquire(name: string, owner: string, ms: number): Promise<Lease | null> {
    await this.answer();
    if (this.holder !== null && this.holder !== owner) return null;
    this.holder = owner;
    return { name, owner, ms, token: ++this.token };
  }

  async renew({ owner, token }: Lease): Promise<boolean> {
    this.renewals += 1;
    this.renewed();
    await this.answer();
    return this.holder === owner && this.token === token;
  }

  async release({ owner, token }: Lease): Promise<void> {
    await this.answer();
    if (this.holder === owner && this.token === token) this.holder = null;
  }

  renewal(): Promise<void> {
    return new Promise((resolve) => (this.renewed = resolve));
  }

  private answer(): Promise<void> {
    return this.answers ? Promise.resolve() : Promise.reject(new Error('the store does not answer'));
  }
}

describe('KeptLease', () => {
  let name: OneName;
  beforeEach(() => {
    name = new OneName();
  });

  it('is renewed by who has it, and waited for by who has not', async () => {
    const [a, b] = [name.kept('a'), name.kept('b')];
    expect([await a.hold(), await b.hold()]).toEqual([true, false]);
    expect([await a.hold(), await b.hold()]).toEqual([true, false]);
    expect({ renewals: name.renewals, a: a.isHeld, b: b.isHeld }).toEqual({ renewals: 1, a: true, b: false });
  });

  it('is lost to who took it, and taken again when it is free', async () => {
    const a = name.kept('a');
    await a.hold();
    name.holder = 'b';
    expect([await a.hold(), a.isHeld]).toEqual([false, false]);
    name.holder = null;
    expect([await a.hold(), a.isHeld]).toEqual([true, true]);
  });

  it('is free for another once released, and not held any more', async () => {
    const [a, b] = [name.kept('a'), name.kept('b')];
    await a.hold();
    await a.release();
    expect(a.isHeld).toBe(false);
    expect(await b.hold()).toBe(true);
    await a.release();
    expect(name.holder).toBe('b');
  });

  it('rejects where the store does not answer, but for a release', async () => {
    const a = name.kept('a');
    await a.hold();
    name.answers = false;
    await expect(a.hold()).rejects.toThrow('does not answer');
    expect(a.isHeld).toBe(true);
    await a.release();
    expect(a.isHeld).toBe(false);
  });

  describe('while one work lasts', () => {
    it('is renewed, through a store that does not answer for a while, and given back', async () => {
      const worked = name.kept('a', 3).whileHeld(async (taken) => {
        await name.renewal();
        name.answers = false;
        await name.renewal();
        name.answers = true;
        await name.renewal();
        return taken.aborted;
      });
      expect(await worked).toBe(false);
      expect(name.holder).toBeNull();
      await expect(name.kept('a').whileHeld(() => Promise.reject(new Error('as asked')))).rejects.toThrow('as asked');
      expect(name.holder).toBeNull();
    });

    it('tells that another took it', async () => {
      const reason = await name.kept('a', 3).whileHeld(
        (taken) =>
          new Promise((resolve) => {
            taken.addEventListener('abort', () => resolve('taken'));
            name.holder = 'b';
          }),
      );
      expect({ reason, holder: name.holder }).toEqual({ reason: 'taken', holder: 'b' });
    });

    it('lets nothing be done while another has it', async () => {
      await name.kept('b').hold();
      const work = jest.fn(() => Promise.resolve('done'));
      expect(await name.kept('a').whileHeld(work)).toBeNull();
      expect(work).not.toHaveBeenCalled();
    });
  });
});
