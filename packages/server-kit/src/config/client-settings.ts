import { z } from 'zod';
import { HOUSE_SETTINGS, loopbackUrl } from './house-settings.ts';
import { port } from './variable.ts';

/** The variables of whoever calls the gateway: those of every service, and where the gateway is. */
export const CLIENT_SETTINGS = {
  ...HOUSE_SETTINGS,
  GATEWAY_TLS_PORT: port(4443),
  GATEWAY_URL: z.url({ protocol: /^https$/, error: 'is no https URL' }).optional(),
} as const;

export type ClientSettings = z.output<z.ZodObject<typeof CLIENT_SETTINGS>>;

/** The origin of the gateway: `GATEWAY_URL`, else localhost at its port. */
export function gatewayOrigin(settings: Pick<ClientSettings, 'GATEWAY_URL' | 'GATEWAY_TLS_PORT'>): string {
  return new URL(settings.GATEWAY_URL ?? loopbackUrl(settings.GATEWAY_TLS_PORT)).origin;
}
