import { CLIENT_SETTINGS } from '@aduana/server-kit/config/client-settings';
import { HOST_NAME, list, port } from '@aduana/server-kit/config/variable';
import type { z } from 'zod';

/** What the BFF reads of the environment. */
export const BFF_SETTINGS = {
  ...CLIENT_SETTINGS,
  BFF_PORT: port(8080),
  PUBLIC_HOSTS: list(HOST_NAME, 'names what is no host name'),
} as const;

export type BffSettings = z.output<z.ZodObject<typeof BFF_SETTINGS>>;
