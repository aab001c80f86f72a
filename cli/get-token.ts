import { stsTokenUrl } from '@aduana/server-kit/config/service-settings';
import { SecurityError } from '@aduana/core/errors/security-error';
import { clientSecretName } from '@aduana/server-kit/secrets/client-secrets';
import { createSecretProvider } from '@aduana/server-kit/secrets/create-secret-provider';
import { GRANT_CLIENT_CREDENTIALS } from '@aduana/core/tokens/token-exchange';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { type DeploymentClient, openDeploymentClient } from './deployment-client.ts';

/** The options of `aduana token`. */
export interface TokenFlags {
  readonly as: string;
  readonly audience: string;
  readonly scope?: string;
  readonly header?: boolean;
  readonly bound?: boolean;
}

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 262_144;

/** Prints an access token of a service; it goes nowhere else. */
export async function printToken(flags: TokenFlags, context: CommandContext): Promise<void> {
  const deployment = await openDeploymentClient(flags.as, context);
  try {
    const authorization = flags.bound === true ? undefined : await basicHeader(flags.as, deployment, context);
    const token = await askForToken(deployment, flags, authorization);
    context.print(flags.header === true ? `authorization: Bearer ${token}` : token);
  } finally {
    await deployment.close();
  }
}

/** The service's client secret as a Basic header; undefined where none is stored for it. */
async function basicHeader(
  service: string,
  { settings }: DeploymentClient,
  { environment, clock, log }: CommandContext,
): Promise<string | undefined> {
  const provider = await createSecretProvider({ settings, environment, clock, log });
  try {
    const stored = await provider.get(clientSecretName(service));
    if (stored === undefined) return undefined;
    return `Basic ${Buffer.from(`${service}:${stored.value.reveal()}`).toString('base64')}`;
  } finally {
    await provider.close();
  }
}

/** @param authorization a Basic header; undefined: the certificate authenticates */
export async function askForToken(
  { client, settings }: DeploymentClient,
  { as, audience, scope }: Pick<TokenFlags, 'as' | 'audience' | 'scope'>,
  authorization: string | undefined,
): Promise<string> {
  const url = new URL(stsTokenUrl(settings));
  const sts = client.peer({
    origin: url.origin,
    spiffeId: `spiffe://${settings.TRUST_DOMAIN}/sts`,
    failureCode: 'STS_UNAVAILABLE',
  });
  const form = new URLSearchParams({ grant_type: GRANT_CLIENT_CREDENTIALS, audience });
  if (scope !== undefined) form.set('scope', scope);
  if (authorization === undefined) form.set('client_id', as);
  const answer = await sts
    .request({
      method: 'POST',
      path: url.pathname,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(authorization === undefined ? {} : { authorization }),
      },
      body: form.toString(),
      timeoutMilliseconds: TIMEOUT_MS,
      maxResponseBytes: ANSWER_BYTES,
    })
    .catch((error: unknown) => {
      const detail = error instanceof SecurityError ? (error.detail ?? error.message) : String(error);
      throw new CommandFailure(
        1,
        `The STS at ${url.origin} does not answer: ${detail}\n  -> Start it with: npm start. If it uses other ports or folders, set the same variables here`,
      );
    });
  const body = JSON.parse(answer.body.toString('utf8')) as Readonly<Record<string, unknown>>;
  const token = body['access_token'];
  if (answer.status === 200 && typeof token === 'string') return token;
  const why = [body['error'], body['error_description']]
    .filter((text) => typeof text === 'string')
    .join(': ');
  throw new CommandFailure(1, `The STS refused (HTTP ${String(answer.status)}): ${why}`);
}
