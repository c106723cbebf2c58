import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const root = resolve(__dirname, '../../../..');
const page = readFileSync(resolve(root, 'docs/security/threat-model.md'), 'utf8');
const cells = [...page.matchAll(/\| `([^`]+\.spec\.ts)`: (.+?) \|$/gm)].map(
  ([, file, title]) => [file!, title!] as const,
);

describe('docs/security/threat-model.md', () => {
  it('names a test in every row', () => {
    const rows = page.split('\n').filter((line) => line.startsWith('| ') && !/^\| (act|who|-|\|)/.test(line));
    const acts = rows.filter((line) => !line.startsWith('| **'));
    expect(acts.length).toBeGreaterThan(20);
    expect(acts.filter((line) => !/`[^`]+\.spec\.ts`: .+ \|$/.test(line))).toEqual([]);
  });

  it.each(cells)('%s: %s', (file, title) => {
    expect(readFileSync(resolve(root, file), 'utf8')).toContain(title);
  });
});
