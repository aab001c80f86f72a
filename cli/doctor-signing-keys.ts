import { databaseNameOf } from '@aduana/server-kit/platform/database-url';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { createSecretProvider } from '@aduana/server-kit/secrets/create-secret-provider';
import { openRemoteKeys } from '@aduana/server-kit/secrets/open-remote-keys';
import { rolesOf } from '@aduana/server-kit/store/migrate';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { keyIn } from '@aduana/server-kit/tokens/key-set';
import { STS_SETTINGS, type StsSettings } from '../subgraphs/sts/config.ts';
import { openKeyCustody } from '../subgraphs/sts/keys/key-custody.ts';
import type { StoredKeySet } from '../subgraphs/sts/keys/key-rows.ts';
import { readUnverifiedKeySet } from '../subgraphs/sts/keys/key-store.ts';
import type { CommandContext } from './command-context.ts';
import { toFailures } from './doctor-files.ts';
import { lacksMasterKey } from './doctor-parts.ts';
import { type DoctorCheck, failure, fine, type Finding } from './doctor-finding.ts';

const PROBE = Buffer.from('aduana asks whether this key can sign');

/** The signing keys can be made where they are to be, and those that there are sign. */
export const checkSigningKeys: DoctorCheck = async (context) => {
  const settings = loadConfig(STS_SETTINGS, context.environment);
  const { SIGNING_KEYS: kind, SIGNING_ALGORITHM: algorithm, DATABASE_URL: url } = settings;
  const subject = `SIGNING_KEYS=${kind}`;
  try {
    if (kind !== 'store') {
      const keys = await openRemoteKeys(kind, context);
      await keys.check(algorithm).finally(() => keys.close());
    }
    const stored = url === undefined ? undefined : await readStored(url, context).catch(() => undefined);
    if (stored !== undefined && !lacksMasterKey(settings)) return await trySigning(stored, settings, context);
    return kind === 'store'
      ? [fine(subject, 'the secret provider wraps them in the database')]
      : [fine(subject, 'answers, and allows all that was asked about')];
  } catch (error) {
    return error instanceof ConfigurationError ? toFailures(error) : [toFailure(subject, error)];
  }
};

/** Signs a text that is no token with the key that signs now and with the next one. */
async function trySigning(
  { set, parts }: StoredKeySet,
  settings: StsSettings,
  context: CommandContext,
): Promise<readonly Finding[]> {
  const { SIGNING_KEYS: kind, SIGNING_ALGORITHM: algorithm } = settings;
  const secrets = await createSecretProvider({ settings, ...context });
  const custody = await openKeyCustody({
    kind,
    algorithm,
    secrets,
    openRemoteKeys: (of) => openRemoteKeys(of, context),
  });
  const tryOne = async (state: 'ACTIVE' | 'PENDING'): Promise<Finding> => {
    const subject = `${state} signing key`;
    const key = keyIn(set, state);
    const part = parts.get(key.kid);
    try {
      if (part === undefined) return failure(subject, 'has no private part', 'Run `npx aduana keys rotate`');
      await (await custody.open(key, part)).sign(PROBE);
      return fine(
        subject,
        `signs (${part.heldIn}${part.heldIn === kind ? '' : `, until rotated to ${kind}`})`,
      );
    } catch (error) {
      return toFailure(subject, error);
    }
  };
  try {
    return [await tryOne('ACTIVE'), await tryOne('PENDING')];
  } finally {
    await custody.close();
    await secrets.close();
  }
}

/** The keys of the STS as its reader sees them; undefined before its first start. */
async function readStored(url: string, { log }: CommandContext): Promise<StoredKeySet | undefined> {
  const { reader } = rolesOf(databaseNameOf(url), 'sts');
  const database = openPgDatabase({ url, schema: 'sts', role: reader, maxConnections: 1, log });
  try {
    return await readUnverifiedKeySet(database);
  } finally {
    await database.close();
  }
}

function toFailure(subject: string, error: unknown): Finding {
  const { detail, message } = error as { detail?: string; message: string };
  return failure(subject, detail ?? message, 'Give the STS the permissions that docs/secrets.md lists');
}
