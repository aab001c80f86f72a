import { z } from 'zod';
import { OBJECT_STORE_SETTINGS } from '@aduana/server-kit/object-store/settings';
import { SERVICE_SETTINGS } from '@aduana/server-kit/config/service-settings';
import { choice, countOrOff, duration, durationOrOff } from '@aduana/server-kit/config/variable';

/** What is dropped by a slip of the pen never comes back. */
const SHORTEST_RETENTION_MS = 86_400_000;

/** What the audit log reads of the environment. */
export const AUDIT_SETTINGS = {
  ...SERVICE_SETTINGS,
  /** The log's name in its checkpoints, without spaces and plus signs; `sigsum` names it after its key. */
  AUDIT_ORIGIN: z
    .string()
    .regex(/^[^\s+]{1,200}$/, 'is no name without spaces and plus signs')
    .optional(),
  /** A witness that cosigns the checkpoints, and its verifier key. */
  AUDIT_WITNESS_URL: z.url('is not a URL').optional(),
  AUDIT_WITNESS_VKEY: z.string().optional(),
  /** Who vouches for the time of checkpoints (RFC 3161), by a certificate that a CA of this PEM file has issued. */
  AUDIT_TIMESTAMP_URL: z
    .string()
    .regex(/^(off|https?:\/\/\S+)$/, 'is neither a URL of http or https nor `off`')
    .default('off'),
  AUDIT_TIMESTAMP_CA: z.string().optional(),
  /** The shortest time between two stamps. */
  AUDIT_TIMESTAMP_INTERVAL: duration(3_600_000).refine(
    (value) => value >= 60_000,
    'is shorter than a minute',
  ),
  /** Of one service, at one replica. */
  AUDIT_EVENTS_PER_MINUTE: countOrOff(2_000_000),
  /** How long entries are kept; `off` keeps all for ever. */
  AUDIT_RETENTION: durationOrOff('off').refine(
    (value) => value === 'off' || value >= SHORTEST_RETENTION_MS,
    'is shorter than a day',
  ),
  ...OBJECT_STORE_SETTINGS,
  /** The shortest time between two checkpoints in the bucket. */
  AUDIT_OBJECT_STORE_INTERVAL: duration(10_000).refine((value) => value >= 1000, 'is shorter than a second'),
  /** What happens in the bucket to entries that `AUDIT_RETENTION` drops. */
  AUDIT_OBJECT_STORE_RETENTION: choice(['drop', 'keep'], 'drop'),
  SIEM_SINKS: z.string().default('policies/siem.yaml'),
} as const;

export type AuditSettings = z.output<z.ZodObject<typeof AUDIT_SETTINGS>>;
