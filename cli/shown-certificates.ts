import { connect } from 'node:tls';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import { certificateThumbprint } from '@aduana/core/mtls/peer-identity';
import { clientTlsOptions } from '@aduana/core/mtls/tls-options';
import type { TlsGeneration } from '@aduana/core/mtls/tls-identity';
import { readAddresses } from './addresses.ts';
import type { CommandContext } from './command-context.ts';
import { runningSettings } from './deployment-client.ts';
import { withExamplePorts } from './example-variables.ts';
import { TLS_PORT_VARIABLES } from './tls-port-variables.ts';

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
  const chosen = await readAddresses(settings.ADUANA_HOME);
  const ports = [
    ...Object.entries(TLS_PORT_VARIABLES).map(
      ([service, variable]) => [service, settings[variable]] as const,
    ),
    ['leads', chosen['LEADS_PORT'] ?? Number(withExamplePorts(environment)['LEADS_PORT'])] as const,
  ];
  const shown = new Map<string, string>();
  await Promise.all(
    ports.map(async ([service, port]) => {
      const thumbprint = await askThumbprint(port, `spiffe://${trustDomain}/${service}`, own);
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
    socket.once('error', () => {
      resolve(undefined);
    });
    socket.once('close', () => {
      resolve(undefined);
    });
  });
}
