import type { SecretProvider } from './secret-provider.ts';

/** A provider without memory: each call asks where the secrets lie. `keptSecrets` makes a SecretProvider of it. */
export type SecretBackend = Omit<SecretProvider, 'watch'>;
