import type { ListenerOptions } from '@aduana/server-kit/http/listener';
import type { HttpService } from '@aduana/server-kit/http/service';
import type { ServicePlatform } from '@aduana/server-kit/http/service-platform';
import type { GatewaySettings } from './config.ts';

/** The TLS listener, and the plain one on loopback unless it is off. */
export function listenersOf(
  config: GatewaySettings,
  { identity }: Pick<ServicePlatform, 'identity'>,
): readonly ListenerOptions[] {
  const address = config.BIND_ADDRESS;
  const clientCertificates = !config.MTLS_ENABLED
    ? 'none'
    : config.MTLS_MODE === 'strict'
      ? 'require'
      : 'request';
  const tls: ListenerOptions = {
    address,
    port: config.GATEWAY_TLS_PORT,
    tls: {
      identity,
      trustDomain: config.TRUST_DOMAIN,
      clientCertificates,
      minVersion: 'TLSv1.2',
      balancers: config.PROXY_PROTOCOL_FROM,
    },
  };
  if (config.GATEWAY_HTTP_PORT === 'off') return [tls];
  return [tls, { address, port: config.GATEWAY_HTTP_PORT, tls: undefined }];
}

/** Where clients find the gateway. */
export function urlOf(config: GatewaySettings, http: HttpService): string {
  const [tls, plain] = http.ports;
  return config.GATEWAY_HTTP_PORT === 'off' || plain === undefined
    ? `https://localhost:${String(tls)}/graphql`
    : `http://localhost:${String(plain)}/graphql and https://localhost:${String(tls)}/graphql`;
}
