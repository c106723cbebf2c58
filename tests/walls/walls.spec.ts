import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';

interface Cruise {
  summary: { totalCruised: number; violations: { from: string; rule: { name: string } }[] };
}

const root = resolve(__dirname, '../..');
const config = join(root, '.dependency-cruiser.cjs');
const { forbidden } = createRequire(__filename)(config) as { forbidden: { name: string }[] };

describe('the walls', () => {
  const breaches = cruised(join(root, 'tests/walls/breaches'));

  it.each(forbidden.map((rule) => rule.name))('%s falls on its breach', (name) => {
    const fallen = breaches.summary.violations.filter((violation) => violation.rule.name === name);
    expect(fallen.map((violation) => breachOf(violation.from))).toEqual(expect.arrayContaining([name]));
  });

  it('stand in this tree, and files were looked at', () => {
    const { summary } = cruised(root);
    expect(summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`)).toEqual([]);
    expect(summary.totalCruised).toBeGreaterThan(100);
  });
});

/** A breach is named after the wall it breaks; the two that need a second file, after their first. */
function breachOf(file: string): string {
  const name = basename(file).replace(/(\.command)?\.ts$/, '');
  if (name.startsWith('cycle-')) return 'cycle';
  return name === 'index' ? 'door-shows-messages' : name;
}

function cruised(cwd: string): Cruise {
  const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [cruiser, 'apps', 'libs', '--config', config, '--output-type', 'json', '--no-progress'];
  const output = execFileSync(process.execPath, args, { cwd, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });
  return JSON.parse(output) as Cruise;
}
