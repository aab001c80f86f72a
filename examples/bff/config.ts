import { CLIENT_SETTINGS } from '@aduana/core/config/client-settings';
import { list, port } from '@aduana/core/config/variable';
import type { z } from 'zod';

/** What the BFF reads of the environment. */
export const BFF_SETTINGS = { ...CLIENT_SETTINGS, BFF_PORT: port(8080), PUBLIC_HOSTS: list() } as const;

export type BffSettings = z.output<z.ZodObject<typeof BFF_SETTINGS>>;
