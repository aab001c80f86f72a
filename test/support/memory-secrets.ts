import { SecurityError } from '@aduana/core/errors/security-error';
import { Secret } from '@aduana/core/secrets/secret';
import type { SecretProvider, SecretVersion } from '@aduana/server-kit/secrets/secret-provider';

/** A secret provider that keeps everything in memory; wrapped texts are bound to their context. */
export function createMemorySecrets(): SecretProvider {
  const stored = new Map<string, SecretVersion>();
  return {
    kind: 'local',
    get: (name) => Promise.resolve(stored.get(name)),
    put(name, value, expectedVersion) {
      if ((stored.get(name)?.version ?? 0) !== expectedVersion)
        return Promise.reject(new SecurityError('CONFLICT'));
      stored.set(name, { value, version: expectedVersion + 1 });
      return Promise.resolve(expectedVersion + 1);
    },
    wrap: (plaintext, context) =>
      Promise.resolve(JSON.stringify([context, plaintext.revealBytes().toString('base64')])),
    unwrap(wrapped, context) {
      const [bound, value] = JSON.parse(wrapped) as [object, string];
      if (JSON.stringify(bound) !== JSON.stringify(context))
        return Promise.reject(new SecurityError('FORBIDDEN'));
      return Promise.resolve(Secret.of(Buffer.from(value, 'base64')));
    },
    watch: () => () => undefined,
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
