import type { SettingRow } from '#libs/kernel';
import { Settings } from '../settings.js';

/** The reference page of the settings, in Markdown, made from the code that reads them. */
export function settingsTable(): string {
  const { rows, dataDir } = new Settings({});
  return [
    '# Settings',
    '',
    'Read once, from the environment, at start; printed redacted in the log. An `ASSAY_…` variable that is not listed here is refused.',
    'This page is written by `npm run docs`; a test holds it to the code.',
    '',
    '| variable | preset | what |',
    '| --- | --- | --- |',
    ...rows.map((row) => line(row, dataDir)),
    '',
  ].join('\n');
}

function line({ name, preset, what }: SettingRow, dataDir: string): string {
  const shown = preset.replace(`file://${dataDir}`, 'file:///<data folder>');
  return `| \`${name}\` | ${shown === 'absent' ? 'absent' : `\`${shown}\``} | ${what} |`;
}
