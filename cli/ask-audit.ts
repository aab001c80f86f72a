import { auditUrl } from '@aduana/server-kit/config/service-settings';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { openDeploymentClient } from './deployment-client.ts';

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 65_536;

/**
 * Posts JSON to a route of the audit service, with the certificate of `service`.
 *
 * @param refusals what a status means, where the service's own words are not for a terminal
 * @returns the answer's JSON
 * @throws CommandFailure for any status but 200
 */
export async function askAudit(
  service: string,
  path: string,
  body: Readonly<Record<string, unknown>>,
  context: CommandContext,
  refusals: Readonly<Record<number, string>> = {},
): Promise<unknown> {
  const deployment = await openDeploymentClient(service, context);
  try {
    const peer = deployment.client.peer({
      origin: new URL(auditUrl(deployment.settings)).origin,
      spiffeId: `spiffe://${deployment.settings.TRUST_DOMAIN}/audit`,
      failureCode: 'AUDIT_UNAVAILABLE',
    });
    const answer = await peer.request({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      timeoutMilliseconds: TIMEOUT_MS,
      maxResponseBytes: ANSWER_BYTES,
    });
    const text = answer.body.toString('utf8');
    if (answer.status === 200) return JSON.parse(text);
    throw new CommandFailure(
      1,
      refusals[answer.status] ??
        `The audit service answered ${service} with HTTP ${String(answer.status)}: ${text}`,
    );
  } finally {
    await deployment.close();
  }
}
