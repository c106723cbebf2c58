import { Terminal } from './terminal.js';

/** A stream that keeps what is written, as a terminal or as a pipe. */
const stream = (isTTY: boolean): { isTTY: boolean; text: string; write(text: string): boolean } => ({
  isTTY,
  text: '',
  write(text) {
    this.text += text;
    return true;
  },
});
const terminal = (tty: boolean, progress = false) => {
  const [out, err] = [stream(tty), stream(tty)];
  const options = { json: false, color: true, progress };
  return { out, err, it: new Terminal(options, out, err) };
};

describe('Terminal', () => {
  it('colours on a terminal only', () => {
    for (const [tty, expected] of [
      [true, '\u001b[31mx\u001b[0m\n'],
      [false, 'x\n'],
    ] as const) {
      const { out, it } = terminal(tty);
      it.print('x', 'red');
      expect(out.text).toBe(expected);
    }
  });

  it('shows control characters of others, and does not pass them on', () => {
    const { out, err, it } = terminal(true);
    it.print('a\u001b]0;title\u0007\tb\nc');
    it.say('\u009b2J');
    expect(out.text).toBe('a\ufffd]0;title\ufffd\tb\nc\n');
    expect(err.text).toBe('\ufffd2J\n');
  });

  it('overwrites progress on a terminal, and clears it before a result', () => {
    const { out, err, it } = terminal(true);
    it.progress('entries', { done: 1, of: 4 });
    it.progress('entries', { done: 2, of: 4 });
    it.print('done');
    expect(err.text).toBe('\r\u001b[Kentries: 1 of 4 (25 %)\r\u001b[Kentries: 2 of 4 (50 %)\r\u001b[K');
    expect(out.text).toBe('done\n');
  });

  it('is silent in a pipe, but for --progress, and then does not fill a log', () => {
    const { err, it } = terminal(false);
    it.progress('entries', { done: 1, of: 4 });
    expect(err.text).toBe('');
    const asked = terminal(false, true);
    for (let done = 1; done <= 4; done++) asked.it.progress('entries', { done, of: 4 });
    expect(asked.err.text).toMatch(/^(entries: 1 of 4 \(25 %\)\n)?entries: 4 of 4 \(100 %\)\n$/);
  });
});
