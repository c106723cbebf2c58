import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const root = resolve(__dirname, '../..');
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');
const foldersIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));
const filesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.includes('node_modules'))
    .map((name) => join(folder, name));
const pagesIn = (folder: string): string[] => filesIn(folder).filter((name) => name.endsWith('.md'));

const FILES = ['apps', 'libs', 'tests', 'infrastructure', 'bench'].flatMap(filesIn);

/** Words that follow npm in a sentence, and npm's own commands. */
const PROSE = ['ci', 'audit', 'alone', 'only', 'and', 'nothing', 'with'];
/** In the README, or parts of others. */
const TOLD_ELSEWHERE = ['start', 'demo', 'typecheck', 'lint', 'clean'];
const { scripts, engines } = JSON.parse(textOf('package.json')) as {
  scripts: Record<string, string>;
  engines: { node: string };
};

describe.each(['README.md', 'CONTRIBUTING.md'])('%s', (page) => {
  const text = textOf(page);

  it('names npm scripts that exist', () => {
    const named = [...text.matchAll(/npm (?:run )?([a-z:]+)/g)].map((match) => match[1]!);
    const ours = named.filter((name) => !PROSE.includes(name));
    const missing = ours.filter((name) => scripts[name] === undefined);
    expect(missing).toEqual([]);
  });

  it('names folders that exist', () => {
    const folders = [...text.matchAll(/`((?:apps|libs|tests|docs|infrastructure)\/[a-z/-]+)`/g)].map(
      (match) => match[1]!,
    );
    expect(folders.filter((folder) => !existsSync(join(root, folder)))).toEqual([]);
  });
});

describe.each(['README.md', 'CONTRIBUTING.md', ...['apps', 'libs', 'docs'].flatMap(pagesIn)])('%s', (page) => {
  it('links to files that exist', () => {
    const links = [...textOf(page).matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1]!);
    expect(links.filter((link) => !existsSync(join(dirname(join(root, page)), link)))).toEqual([]);
  });

  it('names tests that exist', () => {
    const named = [...textOf(page).matchAll(/`([\w./-]+\.(?:spec\.ts|mjs))`/g)].map((match) => match[1]!);
    const missing = named.filter((name) => !FILES.some((file) => file === name || file.endsWith(`/${name}`)));
    expect(missing).toEqual([]);
  });
});

describe.each(['docs/runbooks', 'docs/security'].flatMap(pagesIn))('%s', (page) => {
  it('begins with the imposed rule', () => {
    const rule = textOf(page).split('\n')[2];
    expect(rule).toBe(
      '> **Imposed rule:** Work of this type or tasks of this type on this component must also be applied everywhere else it should be applied.',
    );
  });
});

describe('README.md', () => {
  const text = textOf('README.md');

  it('names every room and every lib', () => {
    const named = [...text.matchAll(/`([a-z/-]+)`/g)].map((match) => match[1]!);
    const there = [...foldersIn('apps/server/src'), ...foldersIn('libs').map((lib) => `libs/${lib}`)];
    expect(there.filter((folder) => !named.includes(folder))).toEqual([]);
  });

  it('links to every page of docs; to the decisions as a whole', () => {
    const pages = pagesIn('docs').filter((page) => !page.startsWith('docs/adr/'));
    expect(pages.filter((page) => !text.includes(`](${page})`))).toEqual([]);
  });

  it('asks for the Node that package.json asks for', () => {
    const [, least] = /Node ≥ ([\d.]+)/.exec(text) ?? [];
    expect(`>=${least}`).toBe(engines.node);
  });

  it('fits one screen', () => {
    expect(text.split('\n').length).toBeLessThan(60);
  });

  it('names the engines that the compatibility stage runs, by their versions', () => {
    const [, secantusdb] = /secantusdb==([\w.]+)/.exec(textOf('tests/compat/stage.mjs')) ?? [];
    const [, versitygw] = /^version=v([\w.]+)$/m.exec(textOf('infrastructure/scripts/versitygw.sh')) ?? [];
    expect(text).toContain(`SecantusDB ${secantusdb}`);
    expect(text).toContain(`versitygw ${versitygw}`);
  });
});

describe('CONTRIBUTING.md', () => {
  it('tells every npm script a person runs', () => {
    const told = textOf('CONTRIBUTING.md');
    const own = Object.keys(scripts).filter((name) => !TOLD_ELSEWHERE.includes(name));
    expect(own.filter((name) => !told.includes(`npm run ${name}`) && !told.includes(`npm ${name}`))).toEqual([]);
  });

  it('is right that npm ci runs no install scripts', () => {
    expect(textOf('.npmrc')).toMatch(/^ignore-scripts=true$/m);
  });
});

describe('docs/adr', () => {
  const files = readdirSync(join(root, 'docs/adr')).sort();

  it('is numbered without gaps', () => {
    expect(files.map((file) => Number(file.slice(0, 4)))).toEqual(files.map((_, index) => index + 1));
  });

  it.each(files)('%s has its number, date, status and parts', (file) => {
    const text = textOf(`docs/adr/${file}`);
    expect(text).toMatch(new RegExp(`^# ${Number(file.slice(0, 4))}\\. \\S`));
    expect(text).toMatch(/^Date: \d{4}-\d\d-\d\d · Status: (?:accepted|superseded by \d{4})$/m);
    const parts = [...text.matchAll(/^## (.+)$/gm)].map((match) => match[1]);
    expect(parts).toEqual(['Context', 'Decision', 'Consequences', 'Alternatives']);
  });
});

describe('docs/glossary.md', () => {
  const rows = [...textOf('docs/glossary.md').matchAll(/^\| ([^|]+) \| ([^|]+) \|$/gm)].map((match) => match[1]!);

  it('has each word once', () => {
    const words = rows.flatMap((row) => (row.includes('(') ? [row] : row.split(', ')));
    expect(
      words.filter((word, index) => words.indexOf(word) !== index && !['---', 'the source'].includes(word)),
    ).toEqual([]);
  });

  it.each(['minio_failed', 'nef_key', 'latency_ms', 'err_token', 'cost_calls'])(
    'keeps the word %s of the source out of the code',
    (word) => {
      expect(rows.join('\n')).toContain(word);
      const sources = ['apps', 'libs', 'infrastructure'].flatMap((folder) =>
        readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
          .filter((name) => /\.(?:ts|mjs)$/.test(name))
          .map((name) => join(folder, name)),
      );
      expect(sources.filter((file) => textOf(file).includes(word))).toEqual([]);
    },
  );
});
