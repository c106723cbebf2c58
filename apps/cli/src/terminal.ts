export interface TerminalOptions {
  json: boolean;
  color: boolean;
  /** Progress also where standard error is no terminal. */
  progress: boolean;
}

type Stream = Pick<NodeJS.WriteStream, 'write' | 'isTTY'>;

const COLORS = { green: 32, red: 31, yellow: 33 } as const;
/** Lines of progress where they are kept, such as in a job's log. */
const LINE_EVERY_MS = 5000;

/** What a log or a server says is shown, never obeyed: a terminal acts on control characters. */
export const printable = (text: string): string => text.replaceAll(/[^\P{Cc}\n\t]/gu, '\ufffd');

/** Results on standard output, everything said about them on standard error. */
export class Terminal {
  readonly json: boolean;
  private shown = '';
  private lastLine = 0;

  constructor(
    private readonly options: TerminalOptions,
    private readonly out: Stream = process.stdout,
    private readonly err: Stream = process.stderr,
  ) {
    this.json = options.json;
  }

  /** One line, or several; in a colour where there are any. */
  print(text: string, color?: keyof typeof COLORS): void {
    this.clear();
    const plain = printable(text.endsWith('\n') ? text.slice(0, -1) : text);
    const colored = color !== undefined && this.options.color && this.out.isTTY === true;
    this.out.write(colored ? `\u001b[${COLORS[color]}m${plain}\u001b[0m\n` : `${plain}\n`);
  }

  /** One line of JSON. */
  printJson(value: unknown): void {
    this.print(JSON.stringify(value));
  }

  say(text: string): void {
    this.clear();
    this.err.write(`${printable(text)}\n`);
  }

  /** Overwrites itself on a terminal. */
  progress(what: string, { done, of }: { done: number; of: number | null }): void {
    const live = this.err.isTTY === true;
    if (!live && !this.options.progress) return;
    const share = of === null || of === 0 ? '' : ` of ${of} (${Math.floor((100 * done) / of)} %)`;
    const text = `${what}: ${done}${share}`;
    if (live) {
      this.err.write(`\r\u001b[K${text}`);
      this.shown = text;
    } else if (performance.now() - this.lastLine > LINE_EVERY_MS || done === of) {
      this.err.write(`${text}\n`);
      this.lastLine = performance.now();
    }
  }

  private clear(): void {
    if (this.shown !== '') this.err.write('\r\u001b[K');
    this.shown = '';
  }
}
