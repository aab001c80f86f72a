import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { GuardedRemoteKeys } from '@aduana/server-kit/secrets/guard-remote-keys';
import type { RemoteKeysKind } from '@aduana/server-kit/secrets/remote-keys';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import { Secret } from '@aduana/core/secrets/secret';
import { checkFirstSignature } from '@aduana/server-kit/tokens/check-first-signature';
import { generateSigningKey } from '@aduana/server-kit/tokens/generate-signing-key';
import { importSigningKey } from '@aduana/server-kit/tokens/import-signing-key';
import type { Jwk } from '@aduana/core/tokens/jwk';
import { type PublicSigningKey, readPublicKey } from '@aduana/server-kit/tokens/public-signing-key';
import type { SigningKey } from '@aduana/server-kit/tokens/sign-access-token';
import type { SigningAlgorithm } from '@aduana/core/tokens/signing-algorithm';
import type { NewKey, PrivatePart } from './private-part.ts';

export type SigningKeysKind = 'store' | RemoteKeysKind;

export interface KeyCustodyOptions {
  /** Where new keys are made; those that are elsewhere sign on until they are rotated out. */
  readonly kind: SigningKeysKind;
  readonly algorithm: SigningAlgorithm;
  /** Wraps the private parts that lie in the store. */
  readonly secrets: SecretProvider;
  /** @throws ConfigurationError when the variables for it are missing */
  readonly openRemoteKeys: (kind: RemoteKeysKind) => Promise<GuardedRemoteKeys>;
}

/** Makes signing keys, signs with them and ends them, wherever their private parts are. */
export interface KeyCustody {
  /** @param living the private parts in use */
  create(living: readonly PrivatePart[]): Promise<NewKey>;
  /** @throws SecurityError when a wrapped part was moved to another kid, or the provider is away */
  open(key: PublicSigningKey, part: PrivatePart): Promise<SigningKey>;
  /** @returns those of `ended` that can sign no more, whoever asks */
  end(ended: readonly PrivatePart[], living: readonly PrivatePart[]): Promise<readonly PrivatePart[]>;
  /** Whether remote keys sign, as far as is known. */
  readonly answers: boolean;
  close(): Promise<void>;
}

const contextOf = (kid: string): Readonly<Record<string, string>> => ({ purpose: 'signing-key', kid });

/** @throws ConfigurationError when keys of this kind cannot be had */
export async function openKeyCustody(options: KeyCustodyOptions): Promise<KeyCustody> {
  const { kind, algorithm, secrets } = options;
  const opened = new Map<RemoteKeysKind, Promise<GuardedRemoteKeys>>();
  const answering: GuardedRemoteKeys[] = [];
  const remote = (of: RemoteKeysKind): Promise<GuardedRemoteKeys> => {
    const known = opened.get(of);
    if (known !== undefined) return known;
    const opening = options.openRemoteKeys(of).then((keys) => {
      answering.push(keys);
      return keys;
    });
    opened.set(of, opening);
    opening.catch(() => opened.delete(of));
    return opening;
  };
  if (kind !== 'store') await checkRemote(await remote(kind), algorithm);

  return {
    async create(living) {
      if (kind === 'store') return createInStore(algorithm, secrets);
      const made = await (await remote(kind)).create(algorithm, referencesIn(kind, living));
      const fresh = await readPublicKey(algorithm, made.publicKey);
      return { fresh, part: { heldIn: kind, reference: made.reference } };
    },
    async open(key, part) {
      if (part.heldIn === 'store') return openFromStore(key, part.wrapped, secrets);
      const keys = await remote(part.heldIn);
      return checkFirstSignature(key, {
        sign: (input) => keys.sign(key.algorithm, part.reference, input),
      });
    },
    async end(ended, living) {
      const done: PrivatePart[] = [];
      for (const heldIn of ['vault_transit', 'aws_kms'] as const) {
        const references = referencesIn(heldIn, ended);
        if (references.length === 0) continue;
        const now = await (await remote(heldIn)).end(references, referencesIn(heldIn, living));
        done.push(...now.map((reference) => ({ heldIn, reference })));
      }
      return done;
    },
    get answers() {
      return answering.every((keys) => keys.answers);
    },
    async close() {
      await Promise.all(answering.map((keys) => keys.close()));
    },
  };
}

/** @throws ConfigurationError in place of every other failure: at start there is nothing to bridge */
async function checkRemote(keys: GuardedRemoteKeys, algorithm: SigningAlgorithm): Promise<void> {
  try {
    await keys.check(algorithm);
  } catch (error) {
    await keys.close();
    throw unusableKeys(keys.kind, error);
  }
}

/** A failed call at start as the problem of a variable. */
export function unusableKeys(kind: SigningKeysKind, error: unknown): Error {
  if (!(error instanceof SecurityError)) return error as Error;
  const remedy = 'See SIGNING_KEYS in docs/configuration.md, and docs/secrets.md for the permissions';
  return new ConfigurationError([
    { subject: `SIGNING_KEYS=${kind}`, problem: error.detail ?? error.message, remedy },
  ]);
}

function referencesIn(kind: RemoteKeysKind, parts: readonly PrivatePart[]): readonly string[] {
  return parts.flatMap((part) => (part.heldIn === kind ? [part.reference] : []));
}

/** A fresh key whose private part is wrapped for its own kid alone. */
async function createInStore(algorithm: SigningAlgorithm, secrets: SecretProvider): Promise<NewKey> {
  const { privateJwk, ...fresh } = await generateSigningKey(algorithm);
  const wrapped = await secrets.wrap(Secret.of(JSON.stringify(privateJwk)), contextOf(fresh.kid));
  return { fresh, part: { heldIn: 'store', wrapped } };
}

async function openFromStore(
  { kid, algorithm }: PublicSigningKey,
  wrapped: string,
  secrets: SecretProvider,
): Promise<SigningKey> {
  const privateJwk = JSON.parse((await secrets.unwrap(wrapped, contextOf(kid))).reveal()) as Jwk;
  return importSigningKey(algorithm, { ...privateJwk, kid });
}
