import { adminUrl } from '@aduana/server-kit/config/service-settings';
import { SecurityError } from '@aduana/core/errors/security-error';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { openDeploymentClient } from './deployment-client.ts';
import { askForToken } from './get-token.ts';

type AdminData = Readonly<Record<string, unknown>>;

interface Answer {
  readonly data?: AdminData | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions?: Readonly<Record<string, unknown>>;
  }[];
}

const OPERATOR = 'operator';
const TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 262_144;

/**
 * One GraphQL request to the admin service itself, with the operator's certificate and a token bound to it. Nothing of it
 * passes the gateway, which may be what is to be stopped. The token carries one right alone.
 *
 * @param scope the right that the document needs
 * @throws CommandFailure where the STS or the admin service refuses or does not answer
 */
export async function askAdmin(
  document: string,
  variables: Readonly<Record<string, unknown>>,
  scope: string,
  context: CommandContext,
): Promise<AdminData> {
  const operator = await openDeploymentClient(OPERATOR, context);
  try {
    const { settings, client } = operator;
    const token = await askForToken(operator, { as: OPERATOR, audience: 'admin', scope }, undefined);
    const origin = new URL(adminUrl(settings)).origin;
    const admin = client.peer({
      origin,
      spiffeId: `spiffe://${settings.TRUST_DOMAIN}/admin`,
      failureCode: 'SUBGRAPH_UNAVAILABLE',
    });
    const { status, body } = await admin
      .request({
        method: 'POST',
        path: '/graphql',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ query: document, variables }),
        timeoutMilliseconds: TIMEOUT_MS,
        maxResponseBytes: ANSWER_BYTES,
      })
      .catch((error: unknown) => {
        const detail = error instanceof SecurityError ? (error.detail ?? error.message) : String(error);
        throw new CommandFailure(
          1,
          `The admin service at ${origin} does not answer: ${detail}\n  -> Start it, or set ADMIN_URL`,
        );
      });
    return dataOf(status, JSON.parse(body.toString('utf8')) as Answer);
  } finally {
    await operator.close();
  }
}

function dataOf(status: number, { data, errors = [] }: Answer): AdminData {
  const [error] = errors;
  if (error === undefined && data != null) return data;
  const code = error?.extensions?.['code'];
  const why = error?.message ?? `HTTP ${String(status)}`;
  throw new CommandFailure(
    1,
    `The admin service refused: ${why}${typeof code === 'string' ? ` (${code})` : ''}`,
  );
}
