import type { SettingRow } from '#libs/kernel';
import { Settings } from '../settings.js';

/** The reference page of the settings, in Markdown, made from the code that reads them. */
export function settingsTable(): string {
  const { rows, dataDir } = new Settings({});
  return [
    '# Settings',
    '',
    'Read once, from the environment, at start; printed redacted in the log. A variable that begins with `ASSAY_`, `AUDIT_` or `ARCHIVE_` and is not listed here is refused.',
    'Under "values" is what may be set, bounds included; nothing there: a text. Lists have commas between their parts.',
    'This page is written by `npm run docs`; a test holds it to the code.',
    '',
    '| variable | preset | values | what |',
    '| --- | --- | --- | --- |',
    ...rows.map((row) => line(row, dataDir)),
    '',
  ].join('\n');
}

function line({ name, preset, values, what }: SettingRow, dataDir: string): string {
  const shown = preset.replace(`file://${dataDir}`, 'file:///<data folder>');
  return `| \`${name}\` | ${shown === 'absent' ? 'absent' : `\`${shown}\``} | ${values} | ${what} |`;
}
