import { execFileSync } from 'node:child_process';
import { assayProgram } from '../program.js';

async function scriptFor(shell: string): Promise<string> {
  let script = '';
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((text) => ((script += String(text)), true));
  await assayProgram(() => undefined).parseAsync(['node', 'assay', 'completion', shell]);
  write.mockRestore();
  return script;
}

/** What bash itself offers after these words. */
async function offered(...words: string[]): Promise<string[]> {
  const script = await scriptFor('bash');
  const line = words.map((word) => `'${word}'`).join(' ');
  const ask = `${script}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _assay; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', ask], { encoding: 'utf8' }).trim().split('\n');
}

describe('assay completion bash', () => {
  it.each([
    [
      ['assay', ''],
      ['verify', 'audit', 'keys', 'witness', 'completion', '--json'],
    ],
    [['assay', 'aud'], ['audit']],
    [['assay', 'audit', 'e'], ['export']],
    [['assay', '--json', 'audit', 'tail', '--a'], ['--after-seq']],
    [['assay', 'keys', 'compromised', '--si'], ['--since-size']],
    [
      ['assay', 'verify', '--vkey'],
      ['--vkey', '--vkey-file'],
    ],
  ])('after %j offers %j', async (words, expected) => {
    expect(await offered(...words)).toEqual(expect.arrayContaining(expected));
  });

  it('offers nothing of another command', async () => {
    expect(await offered('assay', 'verify', '')).not.toContain('export');
  });
});

describe('assay completion', () => {
  it('is the same for zsh, and a line a word for fish', async () => {
    expect(await scriptFor('zsh')).toContain('bashcompinit');
    const fish = await scriptFor('fish');
    expect(fish).toContain("complete -c assay -n '__fish_use_subcommand' -a audit");
    expect(fish).toContain(
      "complete -c assay -n '__fish_seen_subcommand_from audit; and __fish_seen_subcommand_from tail' -l after-seq",
    );
  });
});
