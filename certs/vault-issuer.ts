import { X509Certificate } from 'node:crypto';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { VaultClient } from '@aduana/server-kit/secrets/vault/vault-client';
import type { CertificateIssuer } from './certificate-issuer.ts';

const LIFETIME = '168h';

export interface VaultIssuerOptions {
  readonly vault: VaultClient;
  readonly mount: string;
  /** Signs leaves for server and client; `<role>-client` those of pure clients. Both must allow our URI SANs. */
  readonly role: string;
  readonly trustDomain: string;
}

/** Leaves from Vault's PKI: short-lived, under a CA whose key the deployment never sees. */
export function createVaultIssuer({
  vault,
  mount,
  role,
  trustDomain,
}: VaultIssuerOptions): CertificateIssuer {
  return {
    async issue({ service, acceptsConnections }) {
      const answer = await vault.call(
        'POST',
        `${mount}/issue/${encodeURIComponent(acceptsConnections ? role : `${role}-client`)}`,
        {
          common_name: service,
          exclude_cn_from_sans: true,
          uri_sans: `spiffe://${trustDomain}/${service}`,
          ttl: LIFETIME,
          private_key_format: 'pkcs8',
          ...(acceptsConnections ? { alt_names: 'localhost', ip_sans: '127.0.0.1,::1' } : {}),
        },
      );
      const { certificate, private_key: key, issuing_ca: issuer, ca_chain: chain } = answer.body.data ?? {};
      if (typeof certificate !== 'string' || typeof key !== 'string' || typeof issuer !== 'string')
        throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE', {
          detail: `Vault issued no certificate for ${service} (${String(answer.status)})`,
        });
      const above = (Array.isArray(chain) ? chain : [issuer]).map(String);
      const root = above.find(isSelfIssued) ?? issuer;
      const intermediates = above.filter((pem) => pem !== root);
      return {
        certificate: `${[certificate, ...intermediates].join('\n')}\n`,
        key: `${key}\n`,
        authority: root,
      };
    },
    owns: () => true,
  };
}

function isSelfIssued(pem: string): boolean {
  const certificate = new X509Certificate(pem);
  return certificate.checkIssued(certificate);
}
