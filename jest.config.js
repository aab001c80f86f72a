export default {
  rootDir: '.',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '@swc/jest' },
  moduleNameMapper: {
    '^@aduana/([a-z-]+)$': '<rootDir>/packages/$1/src/index.ts',
    '^@aduana/([a-z-]+)/(.*)$': '<rootDir>/packages/$1/src/$2.ts',
  },
  setupFiles: ['<rootDir>/test/support/before-modules.ts'],
  // A bound for what hangs, which a busy machine keeps.
  testTimeout: 300_000,
  // Each file loads its modules anew, and what it leaves behind slows down all that come after it.
  workerIdleMemoryLimit: '1GB',
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/packages/[a-z-]+/dist', '<rootDir>/bench/peers'],
  reporters: ['default', '<rootDir>/test/support/summary-reporter.js'],
};
