import type { ClientOptions } from '@aduana/client/open-client';
import { z } from 'zod';
import { SERVICE_SETTINGS, loopbackUrl, stsIssuer, stsTokenUrl } from './service-settings.ts';
import { port } from './variable.ts';

/** The variables of whoever calls the gateway: those of every service, and where the gateway is. */
export const CLIENT_SETTINGS = {
  ...SERVICE_SETTINGS,
  GATEWAY_TLS_PORT: port(4443),
  GATEWAY_URL: z.url({ protocol: /^https$/, error: 'is no https URL' }).optional(),
} as const;

export type ClientSettings = z.output<z.ZodObject<typeof CLIENT_SETTINGS>>;

/** The origin of the gateway: `GATEWAY_URL`, else localhost at its port. */
export function gatewayOrigin(settings: Pick<ClientSettings, 'GATEWAY_URL' | 'GATEWAY_TLS_PORT'>): string {
  return new URL(settings.GATEWAY_URL ?? loopbackUrl(settings.GATEWAY_TLS_PORT)).origin;
}

/** What `openClient` takes, as the settings say. */
export function clientOptions(service: string, settings: ClientSettings): ClientOptions {
  return {
    service,
    certsDir: settings.CERTS_DIR,
    stsUrl: stsTokenUrl(settings),
    issuer: stsIssuer(settings),
    trustDomain: settings.TRUST_DOMAIN,
    gatewayUrl: gatewayOrigin(settings),
  };
}
