// The long forms of what CI runs short: by hand, and recorded in docs/performance.md and the note.
//   npm run soak            30 kill rounds of each kill test (where steps are named each step once, and 10 of the
//                           second store), every fault at every write of the ledger, thousands of
//                           interleavings over a store in memory, 50,000 events of four processes, thousands of
//                           tampered ledgers, every bit of a manifest, a year of a million events archived daily and
//                           flipped bit by bit, a million entries verified in 300 MiB, archived, verified in place and
//                           restored in 500
//   KILL_ROUNDS=100 npm run soak
import { execFileSync } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const rounds = process.env.KILL_ROUNDS ?? '30';

console.log(`-- kill -9, ${rounds} rounds`);
jest('crash', 'tests/system/.*kill', { KILL_ROUNDS: rounds });
console.log('-- every fault at every write of the ledger');
jest('crash', 'tests/system/fault-matrix', { FAULT_CASES: 'all' });
jest('integration', 'apps/server/src/audit/commands/reopen', { FAULT_CASES: 'all' });
console.log('-- many writers');
jest('crash', 'tests/system/ledger-writers', { WRITERS_EVENTS: '50000' });
console.log('-- interleavings of appenders, signers, writers of tiles and archives');
jest('unit', 'apps/server/src/audit/(append|archive|checkpoints|tiles)/', { INTERLEAVINGS: '3000' });
console.log('-- tampering');
jest('crash', 'tests/system/tamper\\.', { TAMPER_ROUNDS: '150' });
jest('unit', 'libs/ledger/src/verification/naive-verifier', { NAIVE_MUTATIONS: '5000' });
jest('unit', 'libs/ledger/src/verification/ledger-verifier', { FLIPS: '60' });
jest('unit', 'libs/archive/src/flips', { MANIFEST_BITS: '8' });
console.log('-- a year, a million events');
execFileSync(process.execPath, ['tests/compat/archive-year.mjs'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, YEAR_EVENTS: '1000000' },
});
console.log('-- memory of a long verification, and of a long archive');
memory('verify-memory', '300');
memory('archive-memory', '500');

/** A million entries. */
function memory(bench, limitMib) {
  execFileSync(process.execPath, [`dist/bench/${bench}.bench.js`], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, BENCH_ENTRIES: '1000000', MEMORY_LIMIT_MIB: limitMib },
  });
}

function jest(project, path, env) {
  const args = ['node_modules/jest/bin/jest.js', '--runInBand', `--selectProjects=${project}`, '--', path];
  execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
}
