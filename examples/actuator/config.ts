import { CLIENT_SETTINGS } from '@aduana/server-kit/config/client-settings';
import { count, duration } from '@aduana/server-kit/config/variable';
import type { z } from 'zod';

/** What the actuator reads of the environment. */
export const ACTUATOR_SETTINGS = {
  ...CLIENT_SETTINGS,
  ACTUATOR_POLL_INTERVAL: duration(2_000),
  ACTUATOR_LEAST_SCORE: count(50, 0),
} as const;

export type ActuatorSettings = z.output<z.ZodObject<typeof ACTUATOR_SETTINGS>>;
