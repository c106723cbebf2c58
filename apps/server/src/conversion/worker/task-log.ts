import type { DriverEvent } from '../driver/driver.types.js';

const MAX_BYTES = 256 * 1024;

/** The log of one attempt, NDJSON: stages, issues and what the child printed, up to a limit. */
export class TaskLog {
  private readonly lines: string[] = [];
  private bytes = 0;

  add(event: Exclude<DriverEvent, { t: 'progress' }>): void {
    const line = `${JSON.stringify({ ts: new Date().toISOString(), ...event })}\n`;
    this.bytes += Buffer.byteLength(line);
    if (this.bytes <= MAX_BYTES) this.lines.push(line);
  }

  /** What the child printed, stdout and stderr as they came. */
  addOutput(text: string): void {
    for (const line of text.split('\n')) if (line !== '') this.add({ t: 'log', stream: 'stderr', line });
  }

  toString(): string {
    return this.lines.join('');
  }
}
