import { connect } from 'node:tls';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import { certificateThumbprint } from '@aduana/core/mtls/peer-identity';
import { clientTlsOptions } from '@aduana/core/mtls/tls-options';
import type { TlsGeneration } from '@aduana/core/mtls/tls-identity';
import type { CommandContext } from './command-context.ts';
import { runningSettings } from './house-client.ts';

const PORTS = {
  gateway: 'GATEWAY_TLS_PORT',
  sts: 'STS_PORT',
  audit: 'AUDIT_PORT',
  admin: 'ADMIN_PORT',
  leads: 'LEADS_PORT',
} as const;
const PATIENCE_MS = 2000;

/** The thumbprint of the certificate that each running service shows now; those that do not answer are left out. */
export async function readShownCertificates(context: CommandContext): Promise<ReadonlyMap<string, string>> {
  const { environment, clock, log } = context;
  const settings = await runningSettings(environment);
  const { CERTS_DIR: certsDir, TRUST_DOMAIN: trustDomain } = settings;
  const options = { certsDir, service: 'operator', trustDomain, acceptsConnections: false, clock, log };
  const identity = await loadTlsIdentity(options).catch(() => undefined);
  if (identity === undefined) return new Map();
  const own = identity.current();
  await identity.stop();
  const shown = new Map<string, string>();
  await Promise.all(
    Object.entries(PORTS).map(async ([service, variable]) => {
      const thumbprint = await askThumbprint(settings[variable], `spiffe://${trustDomain}/${service}`, own);
      if (thumbprint !== undefined) shown.set(service, thumbprint);
    }),
  );
  return shown;
}

function askThumbprint(port: number, spiffeId: string, own: TlsGeneration): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ ...clientTlsOptions(own, spiffeId), host: 'localhost', port });
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.once('secureConnect', () => {
      const leaf = socket.getPeerX509Certificate();
      resolve(leaf === undefined ? undefined : certificateThumbprint(leaf.raw));
      socket.destroy();
    });
    socket.once('error', () => { resolve(undefined); }); // prettier-ignore
    socket.once('close', () => { resolve(undefined); }); // prettier-ignore
  });
}
