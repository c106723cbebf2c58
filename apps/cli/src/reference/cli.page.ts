import type { Argument, Command, Option } from 'commander';
import { EXIT } from '../exit-codes.js';
import { assayProgram, commandsOf } from '../program.js';

const INTRO = `# Command line

\`assay\` talks to a server, or verifies what it took from one without it. This page is written from the code by \`npm run docs\`; \`apps/cli/src/reference/cli-page.spec.ts\` holds it.

\`npm run assay -- <command>\` runs it in this repository; installed, it is \`assay\`. Results go to standard output, everything said about them to standard error.

| variable | what |
| --- | --- |
| \`ASSAY_SERVER\` | address of the server, as \`--server\` |
| \`ASSAY_API_KEY\` | the key for its API; it is sent to that server only |
| \`ASSAY_TOKEN\` | bearer credential for a log given by its address, unless \`--token-file\` holds one |
| \`NO_COLOR\` | as \`--no-color\` |

No credential is taken from the command line, where other users of a machine can read it.

## Exit codes

| code | meaning |
| --- | --- |
| ${EXIT.ok} | all is well |
| ${EXIT.broken} | broken: what was read contradicts itself, its signatures or an anchor |
| ${EXIT.incomplete} | incomplete: not all could be checked or done; or an anchor was required and none agrees |
| ${EXIT.unknownKey} | a key that is not known: give it with \`--vkey\`, from a source other than the log |
| ${EXIT.badInput} | bad input: the command line, an address, a file or a credential; or the server refused |

## Verifying without a server

\`\`\`sh
assay audit export ./ledger                          # once, with a server
assay verify ./ledger --vkey "$VKEY"                 # anywhere
assay verify https://host/tlog/acme --vkey "$VKEY"   # or straight from a log
assay verify event.tlog-proof --vkey "$VKEY"         # one event
\`\`\`

\`$VKEY\` is a verifier key, \`<name>+<id>+<base64>\`, that came another way than the log: then the report says \`keys pinned\`. An address with a path other than \`/api/v1\` is a log of [C2SP tiles](../design/tlog.md), anyone's; without one it is a server, whose own verification is run and followed.

## Every command

`;

/** The reference page of the command line, in Markdown. */
export function cliPage(): string {
  const program = assayProgram(() => undefined);
  const everywhere = `These options stand with every command:\n\n${optionsTable(program.options)}`;
  return `${INTRO}${[everywhere, ...leavesOf(program).map(sectionOf)].join('\n\n')}\n`;
}

const leavesOf = (program: Command): Command[] => commandsOf(program).filter(({ commands }) => commands.length === 0);

function sectionOf(command: Command): string {
  const args = command.registeredArguments.map((argument) => ` <${argument.name()}>`).join('');
  const parts = [
    `### \`${nameOf(command)}${args}\``,
    sentence(command.description()),
    ...command.registeredArguments.filter(({ description }) => description !== '').map(argumentLine),
    ...(command.options.length === 0 ? [] : [optionsTable(command.options)]),
  ];
  return parts.join('\n\n');
}

const nameOf = (command: Command): string =>
  command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;

const argumentLine = (argument: Argument): string => `\`<${argument.name()}>\`: ${escaped(argument.description)}.`;

function optionsTable(options: readonly Option[]): string {
  const rows = options.map((option) => `| \`${option.flags}\` | ${noteOf(option)} |`);
  return ['| option | what |', '| --- | --- |', ...rows].join('\n');
}

function noteOf({ description, argChoices, defaultValue, mandatory }: Option): string {
  const preset =
    typeof defaultValue === 'string' || typeof defaultValue === 'number' ? String(defaultValue) : undefined;
  return [
    escaped(description),
    ...(argChoices === undefined ? [] : [`one of ${argChoices.join(', ')}`]),
    ...(mandatory ? ['required'] : []),
    ...(preset === undefined || isOfThisMachine(description) ? [] : [`preset \`${preset}\``]),
  ].join('; ');
}

/** A witness is named after its host unless it is given a name. */
const isOfThisMachine = (description: string): boolean => description.startsWith('name of a key');

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${escaped(text.slice(1))}.`;
/** A word that holds a placeholder, or an address, is code. */
const escaped = (text: string): string =>
  text.replaceAll('|', '\\|').replaceAll(/[^\s"(]*<[^>]+>[^\s,;")]*|https:\/\/[^\s,;")]+/g, '`$&`');
