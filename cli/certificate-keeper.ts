import type { ServiceSettings } from '@aduana/server-kit/config/service-settings';
import { openVault, variable } from '@aduana/server-kit/secrets/vault/open-vault';
import type { CertificateIssuer } from '../certs/certificate-issuer.ts';
import { ensureCertificates } from '../certs/ensure-certificates.ts';
import { BUILT_IN_ROSTER } from '../certs/built-in-roster.ts';
import { keepCertificatesFresh } from '../certs/keep-certificates-fresh.ts';
import { readRoster } from '../certs/read-roster.ts';
import { createVaultIssuer } from '../certs/vault-issuer.ts';
import type { CommandContext } from './command-context.ts';

/** Who makes and renews the certificates that this process uses. */
export interface CertificateKeeper {
  /** Makes what is missing or due before the services read it. */
  ensure(): Promise<void>;
  /** Renews what falls due from now on. */
  start(): void;
  stop(): Promise<void>;
}

export interface CertificateKeeperOptions {
  readonly services: readonly string[];
  readonly settings: ServiceSettings;
  /** True: the certificates of all services are made, and a CA where there is none. */
  readonly wholeDeployment: boolean;
}

/**
 * Vault's PKI issues where VAULT_PKI_ROLE is set, else the folder's own CA if its key is at hand; a folder that an
 * operator fills is left alone.
 */
export async function openCertificateKeeper(
  { services, settings, wholeDeployment }: CertificateKeeperOptions,
  { environment, clock, log }: CommandContext,
): Promise<CertificateKeeper> {
  const role = variable(environment, 'VAULT_PKI_ROLE');
  const vault = role === undefined ? undefined : await openVault({ environment, clock, log });
  const issuer: CertificateIssuer | undefined =
    role === undefined || vault === undefined
      ? undefined
      : createVaultIssuer({
          vault,
          mount: variable(environment, 'VAULT_PKI_MOUNT') ?? 'pki',
          role,
          trustDomain: settings.TRUST_DOMAIN,
        });
  // The services report what is wrong with the policy files.
  const everybody = await readRoster(settings.POLICIES_DIR).catch(() => BUILT_IN_ROSTER);
  const roster = wholeDeployment ? everybody : everybody.filter(({ service }) => services.includes(service));
  const options = { settings, clock, log, roster, ...(issuer === undefined ? {} : { issuer }) };
  let renewing: { stop(): Promise<void> } | undefined;
  return {
    async ensure() {
      if (wholeDeployment || issuer !== undefined) await ensureCertificates(options);
    },
    start() {
      renewing ??= keepCertificatesFresh(options);
    },
    async stop() {
      await renewing?.stop();
      await vault?.close();
    },
  };
}
