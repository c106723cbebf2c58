// The long forms of what CI runs short: by hand, and recorded in docs/performance.md and the note.
//   npm run soak            30 kill rounds of each kill test
//   KILL_ROUNDS=100 npm run soak
import { execFileSync } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const rounds = process.env.KILL_ROUNDS ?? '30';
const jest = [process.execPath, 'node_modules/jest/bin/jest.js', '--runInBand'];

console.log(`-- kill -9, ${rounds} rounds`);
execFileSync(jest[0], [...jest.slice(1), '--selectProjects=system', '--', 'tests/system/.*kill'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, KILL_ROUNDS: rounds },
});
