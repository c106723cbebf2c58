import { readFileSync } from 'node:fs';

// Tests that run models in their own process: jest gives modules a copy of the environment, too late for the runtime.
process.env.ORT_DISABLE_TELEMETRY = '1';

// Jest 30 runs CommonJS without experimental flags. Packages that ship ESM only
// (Nest 12 among them) are compiled to CommonJS by the same transform.
const lock = JSON.parse(readFileSync(new URL('./package-lock.json', import.meta.url), 'utf8'));
const shipsOnlyEsm = (dir) => {
  try {
    return JSON.parse(readFileSync(new URL(`./${dir}/package.json`, import.meta.url), 'utf8')).type === 'module';
  } catch {
    return false; // an optional package of another platform
  }
};
const esmPackages = Object.keys(lock.packages)
  .filter((dir) => dir.startsWith('node_modules/') && shipsOnlyEsm(dir))
  .map((dir) => dir.slice(dir.lastIndexOf('node_modules/') + 'node_modules/'.length));

const swc = (parser) => [
  '@swc/jest',
  {
    swcrc: false,
    isModule: 'unknown',
    sourceMaps: 'inline',
    jsc: {
      target: 'es2023',
      parser,
      keepClassNames: true,
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    },
    module: { type: 'commonjs' },
  },
];

const common = {
  testEnvironment: 'node',
  moduleFileExtensions: ['js', 'mjs', 'cjs', 'ts', 'json'],
  moduleNameMapper: {
    '^#libs/([^/]+)$': '<rootDir>/libs/$1/src/index.ts',
    // Exports its ES module to `import` only, and these tests are CommonJS.
    '^canonicalize$': '<rootDir>/node_modules/canonicalize/lib/canonicalize.js',
    '^#sha256$': '<rootDir>/libs/ledger/src/sha256.node.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '\\.ts$': swc({ syntax: 'typescript', decorators: true }),
    '\\.m?js$': swc({ syntax: 'ecmascript' }),
  },
  transformIgnorePatterns: [
    `/node_modules/(?!(?:.*/node_modules/)?(?:${esmPackages.map((p) => p.replace(/[.+]/g, '\\$&')).join('|')})/)`,
    '<rootDir>/dist/',
  ],
  setupFiles: ['reflect-metadata'],
};

const unit = { ...common, displayName: 'unit', roots: ['<rootDir>/apps', '<rootDir>/libs'] };
const slow = { ...common, setupFilesAfterEnv: ['<rootDir>/tests/slow.setup.ts'] };

const system = { ...slow, roots: ['<rootDir>/tests/system'] };
// Rounds of kill -9, stops and starts, faults on the wire, attacks, many processes, every query explained: the gate runs
// them, `npm test` has no time for them. `*-kill.integration` and `*-crash.integration` are one short death each, and
// stay in `npm test`.
const ROUNDS =
  'fault-matrix|index-use|ledger-anchors|ledger-writers|tamper|long-verification|results-download|server-start|server-stop';
const CRASH = `(-kill|-crash|-death\\.integration|(${ROUNDS}))\\.spec\\.ts$`;

/** @type {import('jest').Config} */
export default {
  // Most of the slow tests wait for processes of their own: a worker a core, not one fewer.
  maxWorkers: '100%',
  // For a law checked on a loaded machine; slow.setup.ts gives real processes longer.
  testTimeout: 30_000,
  workerIdleMemoryLimit: '768MB',
  projects: [
    { ...unit, testRegex: '\\.spec\\.ts$', testPathIgnorePatterns: ['\\.integration\\.spec\\.ts$'] },
    {
      ...slow,
      displayName: 'integration',
      roots: unit.roots,
      testRegex: '\\.integration\\.spec\\.ts$',
      testPathIgnorePatterns: [CRASH],
    },
    { ...slow, displayName: 'walls', roots: ['<rootDir>/tests/walls'], testRegex: '\\.spec\\.ts$' },
    { ...slow, displayName: 'data', roots: ['<rootDir>/tests/compat'], testRegex: '\\.data\\.spec\\.ts$' },
    { ...system, displayName: 'system', testRegex: '\\.spec\\.ts$', testPathIgnorePatterns: [CRASH] },
    { ...slow, displayName: 'crash', roots: [...unit.roots, ...system.roots], testRegex: CRASH },
  ],
};
