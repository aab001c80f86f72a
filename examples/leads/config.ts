import { SERVICE_SETTINGS } from '@aduana/server-kit/config/service-settings';
import { checked, port } from '@aduana/server-kit/config/variable';
import { redisUrlProblem } from '@aduana/server-kit/platform/redis-url';
import type { z } from 'zod';

/** What the leads example reads of the environment. */
export const LEADS_SETTINGS = {
  ...SERVICE_SETTINGS,
  LEADS_PORT: port(8014),
  /** Over which replicas send each other changed leads. */
  LEADS_REDIS_URL: checked(redisUrlProblem),
} as const;

export type LeadsSettings = z.output<z.ZodObject<typeof LEADS_SETTINGS>>;
