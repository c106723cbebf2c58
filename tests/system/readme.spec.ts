import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const root = resolve(__dirname, '../..');
/** Words that follow npm in a sentence, and npm's own command. */
const PROSE = ['ci', 'alone', 'only', 'and', 'nothing', 'with'];
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

describe.each(['README.md', 'CONTRIBUTING.md'])('%s', (page) => {
  const text = readFileSync(join(root, page), 'utf8');

  it('names npm scripts that exist', () => {
    const named = [...text.matchAll(/npm (?:run )?([a-z:]+)/g)].map((match) => match[1]!);
    const ours = named.filter((name) => !PROSE.includes(name));
    const missing = ours.filter((name) => scripts[name] === undefined);
    expect(missing).toEqual([]);
  });

  it('links to files that exist', () => {
    const links = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1]!);
    expect(links.length).toBeGreaterThan(0);
    expect(links.filter((link) => !existsSync(join(dirname(join(root, page)), link)))).toEqual([]);
  });

  it('names folders that exist', () => {
    const folders = [...text.matchAll(/`((?:apps|libs|tests|docs|infrastructure)\/[a-z/-]+)`/g)].map(
      (match) => match[1]!,
    );
    expect(folders.filter((folder) => !existsSync(join(root, folder)))).toEqual([]);
  });
});
