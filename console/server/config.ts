import { CLIENT_SETTINGS } from '@aduana/server-kit/config/client-settings';
import { duration, HOST_NAME, list, portOrOff, url } from '@aduana/server-kit/config/variable';
import { z } from 'zod';

/** The console's variables. */
export const CONSOLE_SETTINGS = {
  ...CLIENT_SETTINGS,
  CONSOLE_PORT: portOrOff(8090),
  /** Where the gateway serves plain HTTP on loopback, so does the console. */
  GATEWAY_HTTP_PORT: portOrOff(4000),
  PUBLIC_HOSTS: list(HOST_NAME, 'names what is no host name'),
  /** A session ends once no page has asked for anything this long, and at the latest with its token. */
  CONSOLE_SESSION_IDLE: duration(1_800_000),
  CONSOLE_SESSION_LIMIT: duration(28_800_000),
  CONSOLE_OIDC_ISSUER: url(['https:', 'http:']),
  CONSOLE_OIDC_CLIENT_ID: z.string().max(256).optional(),
  CONSOLE_OIDC_CLIENT_SECRET: z.string().max(1024).optional(),
} as const;

export type ConsoleSettings = z.output<z.ZodObject<typeof CONSOLE_SETTINGS>>;
