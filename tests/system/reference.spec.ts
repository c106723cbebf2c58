import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '../..');
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');
const all = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map((match) => match[1] ?? match[0]);

const REFERENCE = readdirSync(join(root, 'docs/reference')).map((name) => textOf(`docs/reference/${name}`));
/** The page of the log's fields. */
const LOG = textOf('docs/security/redaction-and-privacy.md');
const [API, CLI] = ['docs/reference/api.md', 'docs/reference/cli.md'].map(textOf) as [string, string];
const SOURCES = ['apps', 'libs']
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((n) => join(folder, n)),
  )
  .filter((file) => file.endsWith('.ts') && !/node_modules|\.spec\.ts$|\.fixture\.ts$/.test(file))
  .map(textOf)
  .join('\n');

/** Paths with every parameter alike, as a heading (`:id`), a runbook (`<id>`) or a rest (`*path`) writes it. */
const routeOf = (method: string, path: string): string => `${method} ${path.replaceAll(/:\w+|<[^>]+>|\*\w+/g, '*')}`;
const ROUTES = [...API.matchAll(/^### `(\w+) ([^`]+)`/gm)].map(([, method, path]) => routeOf(method!, path!));

/** Each command with what the page says of it: its options. */
const COMMANDS = CLI.split(/^### /m)
  .slice(1)
  .map((section) => ({ name: /^`([a-z ]+[a-z])/.exec(section)![1]!, section }));
const COMMON_OPTIONS = CLI.slice(CLI.indexOf('These options stand with every command'), CLI.indexOf('### '));

describe.each(readdirSync(join(root, 'docs/runbooks')))('docs/runbooks/%s names what there is:', (page) => {
  const text = textOf(`docs/runbooks/${page}`);
  const shell = all(text, /^```sh\n(.*?)^```$/gms);
  /** What the page has in the type of code. */
  const code = [...shell, ...all(text.replaceAll(/^```.*?^```$/gms, ''), /`([^`\n]+)`/g)];
  const words = code.flatMap((span) => all(span, /(?<![\w.$-])[\w.]+(?![\w.]*[(:]\/)/g));

  it('routes, with their methods', () => {
    const told = code.flatMap((span) => [
      ...[...span.matchAll(/\b(GET|POST|PUT|DELETE) (\/[\w/<>-]+)/g)].map(([, method, path]) =>
        routeOf(method!, path!),
      ),
      ...[...span.matchAll(/(?:-X (\w+) )?"?\$URL(\/[\w/<>-]+)/g)].map(([, method, path]) =>
        routeOf(method ?? 'GET', path!),
      ),
    ]);
    expect(told.length).toBeGreaterThan(0);
    expect(told.filter((route) => !ROUTES.includes(route))).toEqual([]);
  });

  it('commands, with their options', () => {
    const told = code.flatMap((span) => all(span, /(?:^|\s)(assay [a-z][^\n#|]*)/g));
    const unknown = told.filter((line) => {
      const command = COMMANDS.find(({ name }) => line === name || line.startsWith(`${name} `));
      const options = all(line, /--[a-z-]+/g);
      return (
        !command || options.some((option) => !new RegExp(`\`${option}[ \`]`).test(command.section + COMMON_OPTIONS))
      );
    });
    expect(unknown).toEqual([]);
  });

  it('settings', () => {
    const told = words.filter((word) => /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/.test(word));
    expect(told.filter((name) => !REFERENCE.some((reference) => reference.includes(`| \`${name}\` |`)))).toEqual([]);
  });

  it('codes, log actions, kinds of events and metrics', () => {
    const dotted = words.filter((word) =>
      /^[A-Z_]+\.[A-Z_0-9]+$|^(?:audit|archive|hold|key|ledger|subject)\.[a-z_]+$/.test(word),
    );
    const metrics = words.filter((word) => word.startsWith('assay_'));
    expect([...dotted, ...metrics].filter((name) => !SOURCES.includes(`'${name}'`))).toEqual([]);
  });

  it('problems, fields and collections', () => {
    const told = words.filter(
      (word) => /^[a-z]+(?:_[a-z0-9]+)+$|^[a-z]+[A-Z]\w+$/.test(word) && !word.startsWith('assay_'),
    );
    const codes = all(SOURCES, /'([A-Z_]+\.[A-Z_0-9]+)'/g).map((dotted) => dotted.replace('.', '_').toLowerCase());
    const known = new Set(
      [...REFERENCE, LOG, ...all(SOURCES, /'(\w+)'/g), ...codes].flatMap((one) => one.match(/\w+/g) ?? []),
    );
    expect(told.filter((name) => !known.has(name))).toEqual([]);
  });
});
