// The walls. Each has a planted breach in tests/walls/breaches, and a test that the wall falls on it.
// A room is a folder of apps/server/src; `http` beside them is plumbing that every room may use. No rule lists rooms.
const MESSAGE = '\\.(command|query|event|kinds|errors|types)\\.ts$';
const HANDLER = '\\.handler\\.ts$';
const TEST = '(\\.spec|\\.contract)\\.ts$|\\.fixture\\.ts$';
const ROOM = '^apps/server/src/(?!http/)([^/]+)/';
const DOOR = '^apps/server/src/[^/]+/index\\.ts$';
const PLUMBING = '^apps/server/src/(http/|settings\\.ts$|tokens\\.ts$)';

const wall = (name, comment, from, to) => ({ name, severity: 'error', comment, from: { pathNot: TEST, ...from }, to });

module.exports = {
  forbidden: [
    wall(
      'unresolved',
      'An import nothing resolves is invisible to every other wall.',
      { pathNot: [] },
      { couldNotResolve: true },
    ),
    wall('cycle', 'Move what both need to the side that owns it.', { pathNot: [] }, { circular: true }),
    wall(
      'app-not-app',
      'Apps talk over the API or share a lib.',
      { path: '^apps/([^/]+)/' },
      {
        path: '^apps/',
        pathNot: '^apps/$1/',
      },
    ),
    wall('libs-know-no-room', 'Pass it in.', { path: '^libs/' }, { path: '^apps/' }),
    wall(
      'lib-by-its-index',
      "Import the lib's index through #libs/<name>.",
      { path: '^(apps|libs)/([^/]+)/', pathNot: [] },
      {
        path: '^libs/',
        pathNot: ['^libs/[^/]+/src/index\\.ts$', '^$1/$2/'],
      },
    ),
    wall(
      'sibling-by-the-door',
      "Import the sibling's index.ts.",
      { path: ROOM },
      {
        path: '^apps/server/src/[^/]+/',
        pathNot: ['^apps/server/src/$1/', DOOR, PLUMBING],
      },
    ),
    wall('door-shows-messages', 'Only messages pass the door.', { path: DOOR }, { pathNot: MESSAGE }),
    wall(
      'messages-carry-nothing',
      'A message is plain data.',
      { path: `${ROOM}.*${MESSAGE}` },
      {
        pathNot: [MESSAGE, DOOR, '^libs/(kernel|ledger)/', 'node_modules/@nestjs/cqrs/'],
      },
    ),
    wall(
      'domain-is-pure',
      'Pass the value in; do not fetch it.',
      { path: `${ROOM}domain/` },
      {
        pathNot: [
          `^apps/server/src/$1/(domain|events)/`,
          MESSAGE,
          DOOR,
          '^libs/(kernel|ledger)/',
          '^(node:)?(crypto|path)$',
        ],
      },
    ),
    wall(
      'queries-never-write',
      'Make it a command.',
      { path: `${ROOM}queries/` },
      {
        path: '^apps/server/src/$1/(commands|reactions)/',
      },
    ),
    wall(
      'reactions-only-dispatch',
      'Dispatch a command; its handler decides.',
      { path: `${ROOM}reactions/` },
      {
        path: `^apps/server/src/$1/(domain|storage|http)/|^apps/server/src/.*${HANDLER}`,
        pathNot: MESSAGE,
      },
    ),
    wall(
      'http-only-dispatches',
      'Dispatch a command or a query.',
      { path: `${ROOM}http/` },
      {
        path: `^apps/server/src/$1/(storage|reactions)/|^apps/server/src/.*${HANDLER}`,
        pathNot: MESSAGE,
      },
    ),
    wall(
      'mongoose-in-storage',
      'Go through the store.',
      { path: '^(apps|libs)/', pathNot: [TEST, `${ROOM}storage/`, '^libs/(mongo|testing)/'] },
      {
        path: '(^|node_modules/)(mongoose|mongodb)(/|$)',
      },
    ),
    wall(
      'audit-knows-no-one',
      'Others record; the witness does not depend on the watched.',
      { path: '^apps/server/src/audit/' },
      {
        path: '^apps/server/src/',
        pathNot: ['^apps/server/src/audit/', PLUMBING],
      },
    ),
    wall(
      'ledger-stands-alone',
      'canonicalize, @noble and #sha256 only.',
      { path: '^libs/ledger/' },
      {
        pathNot: ['^libs/ledger/', 'node_modules/(canonicalize|@noble)/'],
        dependencyTypesNot: ['core'],
      },
    ),
    wall(
      'ledger-runs-in-a-browser',
      'Only sha256.node.ts knows Node.',
      { path: '^libs/ledger/', pathNot: [TEST, 'sha256\\.node\\.ts$'] },
      {
        dependencyTypes: ['core'],
      },
    ),
    wall(
      'archive-knows-no-store',
      'The bytes of a batch, not where they lie: libs/ledger, libs/kernel and Node only.',
      { path: '^libs/archive/' },
      {
        pathNot: ['^libs/(archive|ledger|kernel)/'],
        dependencyTypesNot: ['core'],
      },
    ),
    wall(
      'verifier-trusts-no-server',
      'What verifies without a server knows none: libs/ledger, libs/kernel and Node only.',
      { path: '^apps/cli/src/offline/' },
      {
        pathNot: ['^apps/cli/src/(offline/|cli\\.errors\\.ts$)', '^libs/(ledger|kernel)/'],
        dependencyTypesNot: ['core'],
      },
    ),
    wall(
      'cli-opens-no-store',
      'Ask the API.',
      { path: '^apps/cli/' },
      {
        path: '^libs/(mongo|embedded-mongo|object-store)/|(^|node_modules/)(mongoose|mongodb|lmdb|@nestjs|@aws-sdk)(/|$)',
      },
    ),
    wall(
      'testing-stays-in-tests',
      'Production code never imports the harness.',
      { path: '^(apps|libs)/', pathNot: [TEST, '^libs/testing/'] },
      {
        path: '^libs/testing/',
      },
    ),
    wall(
      'no-dev-dependency',
      'Installed without it, the product would not start.',
      { path: '^(apps|libs)/', pathNot: [TEST, '^libs/testing/'] },
      {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
      },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'require', 'node', 'default'],
    },
  },
};
