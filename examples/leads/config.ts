import { SERVICE_SETTINGS } from '@aduana/server-kit/config/service-settings';
import { port } from '@aduana/server-kit/config/variable';
import type { z } from 'zod';

/** What the leads example reads of the environment. */
export const LEADS_SETTINGS = {
  ...SERVICE_SETTINGS,
  LEADS_PORT: port(8014),
} as const;

export type LeadsSettings = z.output<z.ZodObject<typeof LEADS_SETTINGS>>;
