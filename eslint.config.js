import { readdirSync } from 'node:fs';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import { importX } from 'eslint-plugin-import-x';
import * as regexp from 'eslint-plugin-regexp';
import tseslint from 'typescript-eslint';

const FLOOR = ['errors', 'platform'];
const KIT = ['config', 'secrets', 'iam', 'store', 'bus', 'tokens', 'telemetry'];
const BELOW_THE_KIT = ['packages/core', 'packages/client', 'packages/subgraph'];
const LIBRARIES = [...BELOW_THE_KIT, 'packages/server-kit'];
const INSTALLED = ['node_modules', 'packages/server-kit/node_modules'];
const EVERYTHING = [
  'packages',
  'console',
  'gateway',
  'subgraphs',
  'certs',
  'examples',
  'cli',
  'bench',
  'test',
];

/** Rows of the modules of one folder, each of which may import the named modules beside it and `others`. */
function rowsOf(folder, modules, others = []) {
  const rows = Object.entries(modules).map(([module, beside]) => [
    `${folder}/${module}`,
    [...beside.map((name) => `${folder}/${name}`), ...others],
  ]);
  return Object.fromEntries(rows);
}

/**
 * The architecture: which modules each module may import, itself understood. What is not named is refused,
 * and a folder without a row fails the lint.
 */
export const MAY_IMPORT = {
  ...rowsOf('packages/core/src', {
    errors: [],
    platform: ['errors'],
    secrets: FLOOR,
    bus: FLOOR,
    wire: [...FLOOR, 'mtls'],
    status: FLOOR,
    mtls: FLOOR,
    tokens: FLOOR,
    'mtls-client': [...FLOOR, 'bus', 'mtls', 'status'],
    http: [...FLOOR, 'wire', 'mtls', 'tokens'],
    'sts-connection': [...FLOOR, 'mtls', 'mtls-client', 'status', 'tokens'],
  }),
  ...rowsOf(
    'packages/client/src',
    {
      audit: [],
      sts: [],
      gateway: [],
      'open-client.ts': ['gateway', 'sts'],
      'index.ts': ['open-client.ts', 'audit', 'gateway', 'sts'],
    },
    ['packages/core'],
  ),
  ...rowsOf(
    'packages/subgraph/src',
    {
      graphql: [],
      http: [],
      'express.ts': ['http'],
      'fastify.ts': ['http'],
      'graphql-ws.ts': ['http'],
      'node-http.ts': ['http'],
      'open-subgraph.ts': ['graphql', 'http'],
      'from-environment.ts': ['open-subgraph.ts'],
      'index.ts': ['graphql', 'http', 'open-subgraph.ts', 'from-environment.ts'],
    },
    ['packages/core'],
  ),
  'packages/audit-verifier/src': [],
  ...rowsOf(
    'packages/server-kit/src',
    {
      platform: [],
      ...Object.fromEntries(KIT.map((module) => [module, ['platform']])),
      telemetry: ['platform', 'config'],
      'object-store': ['config'],
      seals: ['platform', 'secrets'],
      audit: ['platform', 'iam'],
      http: ['platform', ...KIT],
      graphql: ['platform', 'iam'],
      connections: ['platform', ...KIT],
    },
    BELOW_THE_KIT,
  ),
  ...rowsOf(
    'gateway',
    {
      'config.ts': [],
      'stages.ts': [],
      traffic: [],
      limits: ['config.ts', 'stages.ts'],
      http: ['stages.ts'],
      authenticate: ['stages.ts'],
      exchange: ['config.ts', 'stages.ts'],
      planner: ['stages.ts', 'limits'],
      supergraph: ['limits', 'planner'],
      documents: ['stages.ts', 'http', 'limits', 'supergraph'],
      authorize: ['stages.ts', 'limits', 'planner', 'supergraph'],
      threads: ['limits', 'planner', 'supergraph', 'documents'],
      subgraphs: ['stages.ts', 'traffic', 'limits', 'planner', 'supergraph'],
      'status-route.ts': ['traffic', 'supergraph', 'subgraphs'],
      audit: ['stages.ts', 'authorize'],
      telemetry: ['stages.ts', 'audit', 'planner'],
      explorer: [],
      streams: ['stages.ts', 'http', 'documents', 'limits', 'authorize', 'planner', 'execute', 'subgraphs', 'audit', 'supergraph'],
      'run-operation.ts': ['streams', 'stages.ts', 'http', 'documents', 'limits', 'authorize', 'planner', 'execute', 'subgraphs', 'audit', 'supergraph'],
      'handler-dependencies.ts': ['streams', 'run-operation.ts', 'telemetry', 'authenticate', 'exchange', 'limits', 'subgraphs', 'supergraph', 'traffic'],
      'run-request.ts': ['streams', 'stages.ts', 'run-operation.ts', 'handler-dependencies.ts', 'http', 'documents', 'limits', 'authorize', 'audit', 'supergraph', 'traffic'],
      'handler.ts': ['handler-dependencies.ts', 'run-request.ts', 'http', 'audit'],
      websocket: ['stages.ts', 'handler-dependencies.ts', 'run-request.ts', 'run-operation.ts', 'http', 'authenticate', 'limits', 'authorize', 'audit', 'streams'],
      'start-streams.ts': ['config.ts', 'limits', 'execute', 'streams', 'supergraph'],
      workers: ['limits'],
      'measure-stages.ts': ['stages.ts', 'handler-dependencies.ts', 'authenticate', 'telemetry'],
      'routes.ts': ['config.ts', 'handler-dependencies.ts', 'status-route.ts', 'authenticate', 'authorize', 'explorer'],
      'listeners.ts': ['config.ts'],
      'open-supergraph.ts': ['config.ts', 'supergraph', 'threads'],
      'warm-trusted-documents.ts': ['stages.ts', 'documents', 'authorize', 'planner', 'supergraph'],
      'create-dependencies.ts': ['config.ts', 'measure-stages.ts', 'warm-trusted-documents.ts', 'telemetry', 'handler-dependencies.ts', 'start-streams.ts', 'exchange', 'documents', 'limits', 'authorize', 'planner', 'execute', 'subgraphs', 'supergraph', 'traffic'],
      'start.ts': ['listeners.ts', 'config.ts', 'create-dependencies.ts', 'open-supergraph.ts', 'workers', 'handler.ts', 'websocket', 'routes.ts', 'exchange', 'documents', 'limits', 'supergraph'],
    },
    LIBRARIES,
  ),
  ...rowsOf(
    'gateway/execute',
    {
      shared: [],
      interpreter: ['shared'],
      compiler: ['shared'],
      subscription: ['shared', 'interpreter'],
      incremental: ['shared', 'interpreter'],
      apollo: ['shared'],
      'create-executor.ts': ['shared', 'interpreter', 'compiler', 'apollo'],
    },
    ['gateway/stages.ts', 'gateway/limits', 'gateway/planner', 'gateway/subgraphs', 'gateway/supergraph', ...LIBRARIES],
  ),
  ...rowsOf(
    'subgraphs/sts',
    {
      forms: [],
      status: [],
      keys: ['status'],
      clients: ['forms'],
      token: ['forms', 'status', 'keys', 'clients'],
      signals: ['status', 'token'],
      routes: ['forms', 'status', 'keys', 'clients', 'token', 'signals'],
      'config.ts': ['keys', 'token'],
      'migrations.ts': [],
      'prune.ts': ['status'],
      'own-token.ts': ['token'],
      'own-audit.ts': ['own-token.ts', 'token'],
      'open-row-seals.ts': ['clients', 'keys', 'status'],
      'open-status-feed.ts': ['keys', 'status'],
      'open-signing-keys.ts': ['config.ts', 'keys'],
      'open-verification.ts': ['config.ts', 'clients', 'keys', 'signals', 'token'],
      'open-sts.ts': ['config.ts', 'migrations.ts', 'own-audit.ts', 'open-row-seals.ts', 'open-signing-keys.ts', 'open-status-feed.ts', 'open-verification.ts', 'prune.ts', 'clients', 'keys', 'signals', 'status', 'token'],
      'create-routes.ts': ['open-sts.ts', 'routes', 'status'],
      'resolvers.ts': ['clients', 'keys', 'token'],
      'start.ts': ['config.ts', 'open-sts.ts', 'create-routes.ts', 'resolvers.ts', 'routes'],
    },
    [...LIBRARIES, 'subgraphs/subgraph-route.ts'],
  ),
  'subgraphs/admin': [...LIBRARIES, 'subgraphs/subgraph-route.ts'],
  ...rowsOf(
    'subgraphs/audit',
    {
      'config.ts': [],
      'log-platform.ts': [],
      'log-origin.ts': ['config.ts', 'checkpoints'],
      'record-recovery.ts': ['checkpoints'],
      'recovery-routes.ts': ['log', 'checkpoints', 'reading'],
      'big-int-scalar.ts': [],
      log: [],
      checkpoints: ['config.ts', 'log'],
      shippers: ['log', 'checkpoints'],
      retention: ['log', 'checkpoints', 'shippers'],
      reading: ['log', 'checkpoints', 'shippers'],
      publishing: ['config.ts', 'log', 'checkpoints', 'shippers', 'reading'],
      'resolvers.ts': ['checkpoints', 'reading'],
      'graphql-route.ts': ['config.ts', 'big-int-scalar.ts', 'resolvers.ts'],
      'share-log-secrets.ts': ['config.ts', 'log-platform.ts', 'log-origin.ts', 'checkpoints'],
      'open-checkpoints.ts': ['config.ts', 'log-platform.ts', 'log-origin.ts', 'log', 'checkpoints'],
      'open-log.ts': ['config.ts', 'log-platform.ts', 'share-log-secrets.ts', 'record-recovery.ts', 'open-checkpoints.ts', 'log', 'checkpoints', 'shippers', 'retention', 'reading', 'publishing'],
      'start.ts': ['config.ts', 'graphql-route.ts', 'open-log.ts', 'recovery-routes.ts', 'log', 'checkpoints', 'reading'],
    },
    [...LIBRARIES, 'packages/audit-verifier', 'subgraphs/subgraph-route.ts'],
  ),
  'subgraphs/subgraph-route.ts': [...LIBRARIES, 'subgraphs/subscription-answers.ts'],
  'subgraphs/subscription-answers.ts': LIBRARIES,
  'console/server': LIBRARIES,
  certs: LIBRARIES,
  'examples/leads': LIBRARIES,
  'examples/bff': LIBRARIES,
  'examples/actuator': LIBRARIES,
  'examples/secure-integration': [...LIBRARIES, 'packages/audit-verifier'],
  ...rowsOf('console/web/src', {
    platform: [],
    verification: [],
    session: ['platform'],
    language: ['platform', 'session'],
    graphql: ['platform', 'session'],
    parts: ['platform', 'session', 'language', 'graphql', 'verification'],
    styles: [],
    pages: ['platform', 'session', 'language', 'graphql', 'parts', 'verification'],
    'shell.tsx': ['session', 'language', 'parts', 'pages'],
    'router.tsx': ['pages', 'shell.tsx'],
    'main.tsx': ['platform', 'language', 'parts', 'router.tsx', 'styles'],
  }),
  cli: ['packages', 'gateway', 'subgraphs', 'console/server', 'certs', 'examples'],
  bench: EVERYTHING,
  test: EVERYTHING,
  tools: [],
}; // prettier-ignore

/** Folders whose children are modules of their own. */
const PARENTS = [
  ...['core', 'client', 'subgraph', 'server-kit'].map((name) => `packages/${name}/src`),
  'gateway',
  'gateway/execute',
  'console/web/src',
  'subgraphs',
  'subgraphs/audit',
  'subgraphs/sts',
  'examples',
];
const TOP = ['certs', 'cli', 'bench', 'test', 'tools', 'packages/audit-verifier/src'];

/** The modules that exist, as paths from the root. */
export function modulesOnDisk() {
  const modules = [...TOP];
  for (const parent of PARENTS) {
    for (const entry of readdirSync(parent, { withFileTypes: true })) {
      const module = `${parent}/${entry.name}`;
      if (PARENTS.includes(module)) continue;
      if (entry.isDirectory() || /\.tsx?$/.test(entry.name)) modules.push(module);
    }
  }
  return modules;
}

/** Default-deny zones of `import-x/no-restricted-paths`, one for each row. */
function importZones() {
  const missing = modulesOnDisk().filter((module) => !(module in MAY_IMPORT));
  if (missing.length > 0) throw new Error(`No row in MAY_IMPORT for ${missing.join(', ')}`);
  return Object.entries(MAY_IMPORT).map(([module, allowed]) => ({
    target: `./${module}`,
    from: '.',
    except: [...new Set([module, ...allowed, ...INSTALLED])].map((path) => `./${path}`),
    message: `${module} may import ${['itself', ...allowed].join(', ')} only (MAY_IMPORT)`,
  }));
}

const CODE = ['{packages/*/src,gateway,subgraphs,certs,examples,cli,console}/**/*.{ts,tsx}'];
const CRYPTO_MODULES = [
  'packages/*/src/{tokens,secrets,audit,mtls}/**',
  'certs/**',
  'packages/audit-verifier/**',
];
const CONFIGURATION_FILES = ['*.config.js', 'test/support/summary-reporter.js'];

const SIGNATURES_AND_CIPHERS = [
  'sign', 'verify', 'createSign', 'createVerify', 'createCipheriv', 'createDecipheriv',
  'publicEncrypt', 'publicDecrypt', 'privateEncrypt', 'privateDecrypt',
  'generateKeyPair', 'generateKeyPairSync', 'createPrivateKey', 'createSecretKey', 'webcrypto', 'subtle',
]; // prettier-ignore
const DIGESTS = ['createHash', 'hash'];

const LET = 'A module keeps no state: hold it in what a create function returns';
const TIME = 'Take the time from the clock that the platform hands in';

const projectSyntax = [
  { selector: 'Program > VariableDeclaration[kind="let"]', message: LET },
  { selector: 'Program > ExportNamedDeclaration > VariableDeclaration[kind="let"]', message: LET },
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: TIME },
];
const projectProperties = [
  { object: 'Date', property: 'now', message: TIME },
  { object: 'Math', property: 'random', message: 'Take randomness from platform/ids' },
  { object: 'process', property: 'env', message: 'cli/main.ts alone reads the environment; take a config' },
];

function cryptoImports(names, message) {
  return ['node:crypto', 'crypto'].map((name) => ({ name, importNames: names, message }));
}

const noCiphers = cryptoImports(
  SIGNATURES_AND_CIPHERS,
  'Signing, verifying and ciphers have modules of their own',
);
const noDigests = cryptoImports(DIGESTS, 'SHA-256 is in platform/digest');
const noShield = {
  name: 'graphql-shield',
  message: 'graphql-shield is loaded in server-kit/src/graphql/load-shield alone',
};
const noJose = {
  name: 'jose',
  message: 'Tokens are signed and verified in packages/{core,server-kit}/src/tokens alone',
};

export default tseslint.config(
  {
    ignores: [
      '**/dist/',
      'node_modules/',
      'bench/peers/',
      'bench/results/',
      'certs/dev/',
      '**/.aduana*/',
      'coverage/',
    ],
  },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    plugins: { 'import-x': importX, regexp },
    settings: {
      'import-x/resolver-next': [createTypeScriptImportResolver({ project: 'tsconfig.json' })],
    },
    rules: {
      'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones: importZones() }],
      'import-x/no-default-export': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // Types are structural here: a fake in the shape of a class is welcome.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // What create functions return are closures: their methods need no `this`.
      '@typescript-eslint/unbound-method': 'off',
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential' }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
    },
  },
  {
    files: CODE,
    rules: {
      'max-lines': ['warn', { max: 250, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': ['error', ...projectSyntax],
      'no-restricted-properties': ['error', ...projectProperties],
      'no-restricted-imports': ['error', { paths: [...noCiphers, ...noDigests, noShield, noJose] }],
    },
  },
  {
    files: CRYPTO_MODULES,
    rules: { 'no-restricted-imports': ['error', { paths: [noShield] }] },
  },
  {
    files: ['packages/audit-verifier/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^(?!node:|\\.)', message: 'The verifier depends on Node alone' }] },
      ],
    },
  },
  {
    files: ['packages/{core,server-kit}/src/platform/**'],
    rules: {
      'no-restricted-properties': 'off',
      'no-restricted-imports': ['error', { paths: [...noCiphers, noShield, noJose] }],
    },
  },
  {
    files: ['packages/server-kit/src/graphql/load-shield.ts'],
    rules: { 'no-restricted-imports': ['error', { paths: [...noCiphers, ...noDigests, noJose] }] },
  },
  {
    files: [
      'cli/main.ts',
      'packages/audit-verifier/src/{main,verify-export}.ts',
      'packages/subgraph/src/from-environment.ts',
    ],
    rules: { 'no-restricted-properties': 'off' },
  },
  { files: ['console/web/src/platform/clock.ts'], rules: { 'no-restricted-properties': 'off' } },
  { files: ['cli/**', 'bench/**'], rules: { 'no-console': 'off' } },
  {
    files: ['test/**', 'bench/**'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      'regexp/no-super-linear-backtracking': 'off',
      'regexp/no-super-linear-move': 'off',
    },
  },
  { files: CONFIGURATION_FILES, rules: { 'import-x/no-default-export': 'off' } },
);
