import { fileURLToPath } from 'node:url';

/**
 * The built file `name` beside the module `here` (its `import.meta.url`): the same also when that module runs from
 * source, as under a test runner, because a process of its own cannot.
 */
export function builtProgram(here: string, name: string): string {
  const built = here.endsWith('.ts') ? here.replace(/\/apps\/(?=server\/src\/[^?]*$)/, '/dist/apps/') : here;
  return fileURLToPath(new URL(name, built));
}
