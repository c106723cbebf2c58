import { CodedError, type ErrorDetail } from './coded-error.js';

export type SettingsErrorCode = 'SETTINGS.INVALID';

/** Carries every fault found, one detail per variable. */
export class SettingsError extends CodedError<SettingsErrorCode> {}

/** One row of the reference table that is generated from the code. */
export interface SettingRow {
  name: string;
  /** As shown: `absent` when there is none. */
  preset: string;
  /** As read, for the line printed at start; secrets show their length only. */
  shown: string;
  what: string;
  /** What may be set, for the reference page; empty where any text may. */
  values: string;
}

type Value = string | number | boolean | undefined | readonly string[];

interface Setting<T> {
  preset: T;
  what: string;
  secret?: boolean;
}

/**
 * Reads the environment once, at start. Each call names a variable, its preset and its sentence, and so the code is
 * the table: `rows` is printed at start (redacted) and written to the reference page.
 */
export class SettingsReader {
  readonly rows: SettingRow[] = [];
  private readonly faults: ErrorDetail[] = [];

  constructor(private readonly env: Record<string, string | undefined>) {}

  text<T extends string | undefined>(name: string, setting: Setting<T>): string | T {
    return this.read<string | T>(name, setting, '', (text) => text);
  }

  /** A whole number within [min, max]. */
  integer(name: string, setting: Setting<number> & { min: number; max: number }): number {
    return this.read(name, setting, `${setting.min} to ${setting.max}`, (text) => {
      const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
      if (value >= setting.min && value <= setting.max) return value;
      throw new Error(`expected a whole number from ${setting.min} to ${setting.max}`);
    });
  }

  /** A number within [min, max]. */
  number(name: string, setting: Setting<number> & { min: number; max: number }): number {
    return this.read(name, setting, `${setting.min} to ${setting.max}, also fractions`, (text) => {
      const value = /^\d{1,12}(\.\d{1,12})?$/.test(text) ? Number(text) : Number.NaN;
      if (value >= setting.min && value <= setting.max) return value;
      throw new Error(`expected a number from ${setting.min} to ${setting.max}`);
    });
  }

  flag(name: string, setting: Setting<boolean>): boolean {
    return this.read(name, setting, 'true, false', (text) => {
      if (text === 'true' || text === 'false') return text === 'true';
      throw new Error('expected true or false');
    });
  }

  oneOf<T extends string>(name: string, choices: readonly T[], setting: Setting<T>): T {
    return this.read(name, setting, choices.join(', '), (text) => oneOf(choices, text));
  }

  /** Comma-separated. */
  listOf<T extends string>(name: string, choices: readonly T[] | RegExp, setting: Setting<readonly T[]>): readonly T[] {
    const values = choices instanceof RegExp ? 'a list' : `a list of ${choices.join(', ')}`;
    return this.read(name, setting, values, (text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '')
        .map((part) => {
          if (!(choices instanceof RegExp)) return oneOf(choices, part);
          if (choices.test(part)) return part as T;
          throw new Error(`expected values that match ${choices.source}`);
        }),
    );
  }

  /**
   * Throws SETTINGS.INVALID with all faults: wrong values, and variables of our `prefixes` that nothing reads. `others`
   * are read by another program of ours, which may share the environment.
   */
  finish(prefixes: readonly string[], others: readonly string[] = []): void {
    const known = new Set([...this.rows.map((row) => row.name), ...others]);
    for (const name of Object.keys(this.env)) {
      if (known.has(name) || !prefixes.some((prefix) => name.startsWith(prefix))) continue;
      this.faults.push({ pointer: name, code: 'unknown_setting', detail: `${name} is not a setting of this version` });
    }
    if (this.faults.length === 0) return;
    const message = this.faults.map((fault) => `${fault.pointer}: ${fault.detail}`).join('; ');
    throw new SettingsError('SETTINGS.INVALID', message, { details: this.faults });
  }

  private read<T extends Value>(
    name: string,
    { preset, what, secret }: Setting<T>,
    values: string,
    parse: (text: string) => T,
  ): T {
    const text = this.env[name];
    const row = { name, what, values, preset: shown(preset) };
    if (text === undefined || text === '') {
      this.rows.push({ ...row, shown: row.preset });
      return preset;
    }
    this.rows.push({ ...row, shown: secret ? `set, ${text.length} characters` : text });
    try {
      return parse(text);
    } catch (error) {
      const found = secret ? '' : `, found "${text}"`;
      this.faults.push({ pointer: name, code: 'invalid_setting', detail: `${(error as Error).message}${found}` });
      return preset;
    }
  }
}

function oneOf<T extends string>(choices: readonly T[], text: string): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new Error(`expected one of ${choices.join(', ')}`);
}

function shown(preset: Value): string {
  if (preset === undefined) return 'absent';
  return Array.isArray(preset) ? preset.join(',') || 'empty' : String(preset);
}
