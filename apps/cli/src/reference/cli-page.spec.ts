import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { EXIT } from '../exit-codes.js';
import { assayProgram, commandsOf } from '../program.js';
import { cliPage } from './cli.page.js';

const page = readFileSync(resolve(__dirname, '../../../../docs/reference/cli.md'), 'utf8');

describe('docs/reference/cli.md', () => {
  it('is what `npm run docs` writes', () => {
    expect(page).toBe(cliPage());
  });

  it('has every command with every option, and every exit code', () => {
    const section = (title: string): string => {
      const start = page.indexOf(`### \`${title}`);
      expect([title, start]).not.toEqual([title, -1]);
      return page.slice(start).split('\n### ')[0] as string;
    };
    const leaves = commandsOf(assayProgram(() => undefined)).filter(({ commands }) => commands.length === 0);
    for (const command of leaves) {
      const parent = command.parent?.name() === 'assay' ? '' : `${command.parent?.name()} `;
      const text = section(`assay ${parent}${command.name()}`);
      for (const { flags } of command.options) expect(text).toContain(`| \`${flags}\` |`);
    }
    for (const code of Object.values(EXIT)) expect(page).toContain(`| ${code} | `);
  });
});
