import { z } from 'zod';
import { SERVICE_SETTINGS } from '@aduana/server-kit/config/service-settings';

/** What the admin service reads of the environment. */
export const ADMIN_SETTINGS = {
  ...SERVICE_SETTINGS,
  SUPERGRAPH_SDL: z.string().default('gateway/supergraph.graphql'),
} as const;

export type AdminSettings = z.output<z.ZodObject<typeof ADMIN_SETTINGS>>;
