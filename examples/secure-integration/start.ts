import { type Client, type Clock, type Log, openClient, SecurityError } from '@aduana/client';
import { type ClientSettings, clientOptions } from '@aduana/server-kit/config/client-settings';
import { auditUrl } from '@aduana/server-kit/config/service-settings';
import { type Participant, runSteps } from './run-steps.ts';

const TIMEOUT_MS = 5_000;

/**
 * Runs all steps against a running deployment, as three of its services.
 *
 * @throws Error at the first step that is not as promised; SecurityError where the deployment does not answer
 */
export async function runSecureIntegration(
  settings: ClientSettings,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  report: (step: string, seen: string) => void,
): Promise<void> {
  const opened: Client[] = [];
  const open = async (service: string): Promise<Client> => {
    const client = await openClient({ ...clientOptions(service, settings), log: log.child({ service }) });
    opened.push(client);
    return client;
  };
  const participant = ({ gateway, sts }: Client): Participant => ({
    gateway,
    ownToken: () => sts.ownToken('gateway'),
  });
  try {
    const bff = await open('bff');
    const operator = await open('operator');
    const auditor = await open('auditor');
    await bff.status.read();
    await runSteps({
      bff: participant(bff),
      operator: participant(operator),
      auditor: participant(auditor),
      verify: bff.verifier('gateway'),
      vkey: await readVkey(auditor, settings),
      clock,
      report,
    });
  } finally {
    await Promise.all(opened.map((client) => client.close()));
  }
}

async function readVkey(client: Client, settings: ClientSettings): Promise<string> {
  const audit = client.peer({
    origin: new URL(auditUrl(settings)).origin,
    spiffeId: `spiffe://${settings.TRUST_DOMAIN}/audit`,
    failureCode: 'AUDIT_UNAVAILABLE',
  });
  const { status, body } = await audit.request({
    method: 'GET',
    path: '/audit/vkey',
    timeoutMilliseconds: TIMEOUT_MS,
    maxResponseBytes: 1024,
  });
  if (status !== 200) throw new SecurityError('AUDIT_UNAVAILABLE', { detail: `HTTP ${String(status)}` });
  return body.toString('utf8').trim();
}
