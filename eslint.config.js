import { readdirSync } from 'node:fs';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const FLOOR = ['core/src/errors', 'core/src/platform'];
const ROOMS = ['wire', 'status', 'config', 'secrets', 'mtls', 'tokens', 'iam', 'audit', 'store', 'bus'].map(
  (room) => `core/src/${room}`,
);
const CORE = ['core/src'];
const EVERYTHING = ['core', 'gateway', 'subgraphs', 'certs', 'auditor', 'examples', 'cli', 'bench', 'test'];

/**
 * The architecture: which rooms each room may import, itself understood. What is not named is refused,
 * and a folder without a row fails the lint.
 */
export const MAY_IMPORT = {
  'core/src/errors': [],
  'core/src/platform': ['core/src/errors'],
  ...Object.fromEntries(ROOMS.map((room) => [room, FLOOR])),
  'core/src/http': [...FLOOR, ...ROOMS],
  'core/src/client': [...FLOOR, ...ROOMS],
  'core/src/graphql': [...FLOOR, ...ROOMS],
  'core/src/subgraph': [...FLOOR, ...ROOMS, 'core/src/http', 'core/src/client', 'core/src/graphql'],
  gateway: CORE,
  'subgraphs/sts': [...CORE, 'subgraphs/start-subgraph.ts'],
  'subgraphs/admin': [...CORE, 'subgraphs/start-subgraph.ts'],
  'subgraphs/audit': [...CORE, 'subgraphs/start-subgraph.ts'],
  'subgraphs/start-subgraph.ts': CORE,
  certs: CORE,
  auditor: [],
  'examples/leads': CORE,
  'examples/bff': CORE,
  'examples/actuator': CORE,
  'examples/secure-integration': CORE,
  cli: ['core', 'gateway', 'subgraphs', 'certs', 'examples', 'auditor'],
  bench: EVERYTHING,
  test: EVERYTHING,
  tools: [],
};

/** Folders whose children are rooms of their own. */
const CORRIDORS = ['core/src', 'subgraphs', 'examples'];
const HOUSE = ['core', ...EVERYTHING.slice(1), 'tools'];

/** The rooms that exist, as paths from the root. */
export function roomsOnDisk() {
  const folders = HOUSE.filter((room) => room !== 'core' && !CORRIDORS.includes(room));
  for (const corridor of CORRIDORS) {
    for (const entry of readdirSync(corridor, { withFileTypes: true })) {
      if (entry.isDirectory() || entry.name.endsWith('.ts')) folders.push(`${corridor}/${entry.name}`);
    }
  }
  return folders;
}

/** Default-deny zones of `import-x/no-restricted-paths`, one for each row. */
function importZones() {
  const roomless = roomsOnDisk().filter((room) => !(room in MAY_IMPORT));
  if (roomless.length > 0) throw new Error(`No row in MAY_IMPORT for ${roomless.join(', ')}`);
  return Object.entries(MAY_IMPORT).map(([room, allowed]) => ({
    target: `./${room}`,
    from: '.',
    except: [...new Set([room, ...allowed, 'node_modules'])].map((path) => `./${path}`),
    message: `${room} may import ${['itself', ...allowed].join(', ')} only (MAY_IMPORT)`,
  }));
}

const CODE = ['{core/src,gateway,subgraphs,certs,auditor,examples,cli}/**/*.ts'];
const CRYPTO_ROOMS = ['core/src/{tokens,secrets,audit,mtls}/**', 'certs/**', 'auditor/**'];
const CONFIGURATION_FILES = ['*.config.js', 'test/support/summary-reporter.js'];

const SIGNATURES_AND_CIPHERS = [
  'sign', 'verify', 'createSign', 'createVerify', 'createCipheriv', 'createDecipheriv',
  'publicEncrypt', 'publicDecrypt', 'privateEncrypt', 'privateDecrypt',
  'generateKeyPair', 'generateKeyPairSync', 'createPrivateKey', 'createSecretKey', 'webcrypto', 'subtle',
]; // prettier-ignore
const DIGESTS = ['createHash', 'hash'];

const LET = 'A module keeps no state: hold it in what a create function returns';
const TIME = 'Take the time from the clock that the platform hands in';

const houseSyntax = [
  { selector: 'Program > VariableDeclaration[kind="let"]', message: LET },
  { selector: 'Program > ExportNamedDeclaration > VariableDeclaration[kind="let"]', message: LET },
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: TIME },
];
const houseProperties = [
  { object: 'Date', property: 'now', message: TIME },
  { object: 'Math', property: 'random', message: 'Take randomness from platform/ids' },
  { object: 'process', property: 'env', message: 'cli/main.ts alone reads the environment; take a config' },
];

function cryptoImports(names, message) {
  return ['node:crypto', 'crypto'].map((name) => ({ name, importNames: names, message }));
}

const noCiphers = cryptoImports(
  SIGNATURES_AND_CIPHERS,
  'Signing, verifying and ciphers have rooms of their own',
);
const noDigests = cryptoImports(DIGESTS, 'SHA-256 stands in platform/digest');
const noShield = {
  name: 'graphql-shield',
  message: 'graphql-shield is loaded in core/src/graphql/load-shield alone',
};
const noJose = { name: 'jose', message: 'Tokens are signed and verified in core/src/tokens alone' };

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
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    plugins: { 'import-x': importX },
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
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
    },
  },
  {
    files: CODE,
    rules: {
      'max-lines': ['error', { max: 250, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': ['error', ...houseSyntax],
      'no-restricted-properties': ['error', ...houseProperties],
      'no-restricted-imports': ['error', { paths: [...noCiphers, ...noDigests, noShield, noJose] }],
    },
  },
  {
    files: CRYPTO_ROOMS,
    rules: { 'no-restricted-imports': ['error', { paths: [noShield] }] },
  },
  {
    files: ['auditor/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^(?!node:|\\.)', message: 'The auditor stands on Node alone' }] },
      ],
    },
  },
  {
    files: ['core/src/platform/**'],
    rules: {
      'no-restricted-properties': 'off',
      'no-restricted-imports': ['error', { paths: [...noCiphers, noShield, noJose] }],
    },
  },
  {
    files: ['core/src/graphql/load-shield.ts'],
    rules: { 'no-restricted-imports': ['error', { paths: [...noCiphers, ...noDigests, noJose] }] },
  },
  { files: ['cli/main.ts', 'auditor/main.ts'], rules: { 'no-restricted-properties': 'off' } },
  { files: ['cli/**', 'bench/**'], rules: { 'no-console': 'off' } },
  {
    files: ['test/**', 'bench/**'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  { files: CONFIGURATION_FILES, rules: { 'import-x/no-default-export': 'off' } },
);
