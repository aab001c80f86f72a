export default {
  rootDir: '.',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '@swc/jest' },
  moduleNameMapper: { '^@aduana/core/(.*)$': '<rootDir>/core/src/$1.ts' },
  setupFiles: ['<rootDir>/test/support/before-modules.ts'],
  testTimeout: 60_000,
  // Each file loads its modules anew, and what it leaves behind slows down all that come after it.
  workerIdleMemoryLimit: '1GB',
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/core/dist', '<rootDir>/bench/peers'],
  reporters: ['default', '<rootDir>/test/support/summary-reporter.js'],
};
