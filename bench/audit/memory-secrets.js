import { Secret } from '@aduana/core/secrets/secret';

/** Secrets that last as long as a benchmark. */
export function createMemorySecrets() {
  const stored = new Map();
  return {
    get: async (name) => stored.get(name),
    put: async (name, value, version) => {
      stored.set(name, { value, version: version + 1 });
      return version + 1;
    },
    wrap: async (secret) => secret.revealBytes().toString('base64'),
    unwrap: async (wrapped) => Secret.of(Buffer.from(wrapped, 'base64')),
    watch: () => () => undefined,
  };
}
