import { Argument, Command } from 'commander';
import { terminalOf } from './options.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** `assay completion <shell>`: a script that completes commands and options, made from the program itself. */
export function completionCommand(): Command {
  const command = new Command('completion')
    .description('a script that completes commands and options, for the start file of a shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((shell: Shell) => {
      const program = command.parent as Command;
      terminalOf(command).print(shell === 'fish' ? fishScript(program) : bashScript(program, shell));
    });
  return command;
}

/** A command's path below `assay`, and what may stand after it. */
interface Place {
  path: string;
  words: string[];
}

function placesOf(command: Command, path = ''): Place[] {
  const options = [...command.options, ...(path === '' ? [] : rootOf(command).options)].flatMap(
    ({ long }) => long ?? [],
  );
  const below = command.commands.flatMap((child) => placesOf(child, `${path} ${child.name()}`.trim()));
  return [{ path, words: [...command.commands.map((child) => child.name()), ...options, '--help'] }, ...below];
}

const rootOf = (command: Command): Command => (command.parent === null ? command : rootOf(command.parent));

/** Words that are a command lead to its place; everything else is completed as a file. */
function bashScript(program: Command, shell: 'bash' | 'zsh'): string {
  const places = placesOf(program);
  const paths = places.map(({ path }) => `'${path}'`).join('|');
  const cases = places.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`);
  return [
    ...(shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : []),
    '_assay() {',
    "  local place='' next words word current=${COMP_WORDS[COMP_CWORD]}",
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    next="${place:+$place }$word"',
    `    case "$next" in ${paths}) place=$next ;; esac`,
    '  done',
    '  case "$place" in',
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -o default -F _assay assay',
  ].join('\n');
}

function fishScript(program: Command): string {
  return placesOf(program)
    .flatMap(({ path, words }) => {
      const seen = path.split(' ').filter((word) => word !== '');
      const within = seen.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
      const condition = within === '' ? '__fish_use_subcommand' : within;
      return words.map((word) =>
        word.startsWith('--')
          ? `complete -c assay -n '${condition}' -l ${word.slice(2)}`
          : `complete -c assay -n '${condition}' -a ${word}`,
      );
    })
    .join('\n');
}
