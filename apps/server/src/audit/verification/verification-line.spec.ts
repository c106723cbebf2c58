import { VerificationLine } from './verification-line.js';

/** A verification that runs until its signal is aborted. */
function endless() {
  let tell: () => void;
  const begun = new Promise<void>((resolve) => (tell = resolve));
  const run = (signal: AbortSignal): Promise<never> => {
    tell();
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  };
  return { run, begun };
}

describe('VerificationLine', () => {
  const gone = new Error('gone');

  describe('when the caller whose turn it is leaves', () => {
    it('gives the turn to the next', async () => {
      const line = new VerificationLine();
      const caller = new AbortController();
      const { run, begun } = endless();
      const left = line.inTurn('a', run, caller.signal);
      const next = line.inTurn('b', () => Promise.resolve('verified'));
      await begun;
      caller.abort(gone);
      await expect(left).rejects.toBe(gone);
      expect(await next).toBe('verified');
    });
  });

  describe('when a caller leaves before its turn', () => {
    it('does not begin it', async () => {
      const line = new VerificationLine();
      const [first, second] = [new AbortController(), new AbortController()];
      const { run, begun } = endless();
      const running = line.inTurn('a', run, first.signal);
      const skipped = jest.fn(() => Promise.resolve());
      const waiting = line.inTurn('a', skipped, second.signal);
      await begun;
      second.abort(gone);
      first.abort(gone);
      await expect(running).rejects.toBe(gone);
      await expect(waiting).rejects.toBe(gone);
      expect(skipped).not.toHaveBeenCalled();
    });

    it('gives its place to another at once, and its turn to nobody else', async () => {
      const line = new VerificationLine();
      const caller = new AbortController();
      const { run, begun } = endless();
      const running = line.inTurn('a', run);
      const waiting = [1, 2, 3].map(() => line.inTurn('a', run, caller.signal));
      await begun;
      await expect(line.inTurn('a', run)).rejects.toMatchObject({ code: 'AUDIT.VERIFICATION_BUSY' });
      caller.abort(gone);
      for (const one of waiting) await expect(one).rejects.toBe(gone);
      const begins = jest.fn(run);
      const next = line.inTurn('a', begins);
      await new Promise(setImmediate);
      expect(begins).not.toHaveBeenCalled();
      line.onModuleDestroy();
      for (const one of [running, next]) await expect(one).rejects.toMatchObject({ code: 'AUDIT.VERIFICATION_BUSY' });
    });
  });

  describe('when the server stops', () => {
    it('ends the turn and begins none', async () => {
      const line = new VerificationLine();
      const { run, begun } = endless();
      const running = line.inTurn('a', run, new AbortController().signal);
      const waiting = line.inTurn('a', run);
      await begun;
      line.onModuleDestroy();
      await expect(running).rejects.toMatchObject({ code: 'AUDIT.VERIFICATION_BUSY' });
      await expect(waiting).rejects.toMatchObject({ code: 'AUDIT.VERIFICATION_BUSY' });
    });
  });
});
