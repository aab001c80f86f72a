import { z } from 'zod';
import { HOUSE_SETTINGS } from '@aduana/core/config/house-settings';

/** What the admin service reads of the environment. */
export const ADMIN_SETTINGS = {
  ...HOUSE_SETTINGS,
  SUPERGRAPH_SDL: z.string().default('gateway/supergraph.graphql'),
} as const;

export type AdminSettings = z.output<z.ZodObject<typeof ADMIN_SETTINGS>>;
