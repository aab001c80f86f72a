import { stsTokenUrl } from '@aduana/server-kit/config/service-settings';
import { clientSecretName } from '@aduana/server-kit/secrets/client-secrets';
import { createSecretProvider } from '@aduana/server-kit/secrets/create-secret-provider';
import { constantTimeEqual } from '@aduana/core/platform/digest';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import { Secret } from '@aduana/core/secrets/secret';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { type DeploymentClient, openDeploymentClient } from './deployment-client.ts';
import type { CollectFlags } from './secrets.ts';

interface Collected {
  readonly version: number;
  readonly secret: Secret;
  /** RFC 3339. */
  readonly graceUntil: string | null;
}

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 65_536;
const SECRET_MODE = 0o600;

/** Fetches the secret and keeps it; it goes nowhere else, and to standard output only where that was asked for. */
export async function collectSecret(
  { as, out, print }: CollectFlags,
  context: CommandContext,
): Promise<void> {
  const deployment = await openDeploymentClient(as, context);
  try {
    const { version, secret, graceUntil } = await fetchSecret(deployment);
    if (print === true) {
      context.print(secret.reveal());
      return;
    }
    const where = out ?? (await keep(as, secret, deployment, context));
    if (out !== undefined) await writeFileAtomically(out, secret.reveal(), SECRET_MODE);
    context.print(`collected version ${String(version)} of the secret of ${as}: ${where}`);
    if (graceUntil !== null) context.print(`the previous version is accepted until ${graceUntil}`);
  } finally {
    await deployment.close();
  }
}

async function fetchSecret({ client, settings }: DeploymentClient): Promise<Collected> {
  const { origin } = new URL(stsTokenUrl(settings));
  const sts = client.peer({
    origin,
    spiffeId: `spiffe://${settings.TRUST_DOMAIN}/sts`,
    failureCode: 'STS_UNAVAILABLE',
  });
  const answer = await sts.request({
    method: 'GET',
    path: '/sts/client-secret',
    timeoutMilliseconds: TIMEOUT_MS,
    maxResponseBytes: ANSWER_BYTES,
  });
  const body = JSON.parse(answer.body.toString('utf8')) as Readonly<Record<string, unknown>>;
  const { version, secret, graceUntil } = body;
  if (answer.status === 200 && typeof version === 'number' && typeof secret === 'string')
    return {
      version,
      secret: Secret.of(secret),
      graceUntil: typeof graceUntil === 'string' ? graceUntil : null,
    };
  const why = [body['error'], body['error_description']]
    .filter((text) => typeof text === 'string')
    .join(': ');
  throw new CommandFailure(1, `The STS refused (HTTP ${String(answer.status)}): ${why}`);
}

/** Puts the secret where the commands here look for it, unless it is there already, as where the STS shares the home. */
async function keep(
  service: string,
  secret: Secret,
  { settings }: DeploymentClient,
  { environment, clock, log }: CommandContext,
): Promise<string> {
  const provider = await createSecretProvider({ settings, environment, clock, log });
  try {
    const name = clientSecretName(service);
    const stored = await provider.get(name, { fresh: true });
    if (stored === undefined || !constantTimeEqual(stored.value.revealBytes(), secret.revealBytes()))
      await provider.put(name, secret, stored?.version ?? 0);
    return settings.SECRET_PROVIDER === 'local'
      ? `kept in ${settings.ADUANA_HOME}`
      : `kept in ${provider.kind}`;
  } finally {
    await provider.close();
  }
}
