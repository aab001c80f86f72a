import type { ServiceSettings } from '../config/service-settings.ts';
import type { TlsIdentity } from '@aduana/core/mtls/tls-identity';
import type { ListenerOptions } from './listener.ts';

type ListenerSettings = Pick<
  ServiceSettings,
  'BIND_ADDRESS' | 'HEALTH_PORT' | 'MTLS_MODE' | 'PROXY_PROTOCOL_FROM' | 'TRUST_DOMAIN'
>;

/**
 * Where a service of the deployment listens: TLS 1.3 with client certificates, asked for in permissive mode and required in
 * strict mode; and the probes' plain port, where there is one.
 */
export function serviceListeners(
  settings: ListenerSettings,
  identity: TlsIdentity,
  port: number,
): { readonly listeners: readonly ListenerOptions[]; readonly healthListener?: ListenerOptions } {
  return {
    listeners: [
      {
        address: settings.BIND_ADDRESS,
        port,
        tls: {
          identity,
          trustDomain: settings.TRUST_DOMAIN,
          clientCertificates: settings.MTLS_MODE === 'strict' ? 'require' : 'request',
          minVersion: 'TLSv1.3',
          balancers: settings.PROXY_PROTOCOL_FROM,
        },
      },
    ],
    ...healthListener(settings),
  };
}

/** The plain port for probes, or nothing. */
export function healthListener(settings: ListenerSettings): { readonly healthListener?: ListenerOptions } {
  if (settings.HEALTH_PORT === 'off') return {};
  return {
    healthListener: { address: settings.BIND_ADDRESS, port: settings.HEALTH_PORT, tls: undefined },
  };
}
