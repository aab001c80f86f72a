import { z } from 'zod';
import { HOUSE_SETTINGS } from '@aduana/core/config/house-settings';

/** What the audit log reads of the environment. */
export const AUDIT_SETTINGS = {
  ...HOUSE_SETTINGS,
  SIEM_SINKS: z.string().default('policies/siem.yaml'),
} as const;

export type AuditSettings = z.output<z.ZodObject<typeof AUDIT_SETTINGS>>;
