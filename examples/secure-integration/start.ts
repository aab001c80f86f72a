import type { ClientPlatform } from '@aduana/core/client/client-platform';
import { type HouseLine, openHouseLine } from '@aduana/core/client/house-line';
import { type ClientSettings, gatewayOrigin } from '@aduana/core/config/client-settings';
import { auditUrl } from '@aduana/core/config/house-settings';
import { SecurityError } from '@aduana/core/errors/security-error';
import { walkThrough, type Walker } from './walk.ts';

const TIMEOUT_MS = 5_000;

/**
 * Walks through a running house as three of its services.
 *
 * @throws Error at the first step that is not as promised; SecurityError where the house does not answer
 */
export async function runSecureIntegration(
  settings: ClientSettings,
  platformOf: (service: string) => Promise<ClientPlatform>,
  tell: (step: string, seen: string) => void,
): Promise<void> {
  const lines: HouseLine[] = [];
  const join = async (service: string) => {
    const platform = await platformOf(service);
    const line = openHouseLine({ service, settings, platform });
    lines.push(line);
    return { line, platform };
  };
  const walkerOn = (line: HouseLine): Walker => ({
    gateway: line.client.peer({
      origin: gatewayOrigin(settings),
      spiffeId: `spiffe://${settings.TRUST_DOMAIN}/gateway`,
      failureCode: 'GATEWAY_UNAVAILABLE',
    }),
    ownToken: () => line.sts.ownToken('gateway'),
  });
  try {
    const bff = await join('bff');
    const operator = await join('operator');
    const auditor = await join('auditor');
    await bff.line.status.read();
    await walkThrough({
      bff: walkerOn(bff.line),
      operator: walkerOn(operator.line),
      auditor: walkerOn(auditor.line),
      verify: bff.line.verifier('gateway'),
      vkey: await readVkey(auditor.line, settings),
      clock: bff.platform.clock,
      tell,
    });
  } finally {
    await Promise.all(lines.map((line) => line.close()));
  }
}

async function readVkey(line: HouseLine, settings: ClientSettings): Promise<string> {
  const audit = line.client.peer({
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
