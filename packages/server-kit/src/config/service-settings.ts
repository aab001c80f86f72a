import { isIP } from 'node:net';
import { z } from 'zod';
import { createAddressMatcher, isAddressRange } from '../platform/address-range.ts';
import { databaseUrlProblem } from '../platform/database-url.ts';
import { redisUrlProblem } from '../platform/redis-url.ts';
import {
  checked,
  choice,
  count,
  durationOrOff,
  flag,
  list,
  pairs,
  port,
  portOrOff,
  url,
} from './variable.ts';
import { TELEMETRY_SETTINGS } from './telemetry-settings.ts';

/** Not all addresses there are: any client could then name the address that it has. */
const BALANCERS = { test: (range: string) => isAddressRange(range) && !coversAll(range) };

function coversAll(range: string): boolean {
  const matches = createAddressMatcher([range]);
  return ['0.0.0.0', '255.255.255.255'].every(matches) || ['::', 'ffff::'].every(matches);
}

/** The variables that every service reads. Paths are relative to the working directory. */
export const SERVICE_SETTINGS = {
  ADUANA_HOME: z.string().default('.aduana'),
  /** Whether replicas of one service share `ADUANA_HOME`: each then works in a home of its own beneath it. */
  SHARED_HOME: flag(false),
  CERTS_DIR: z.string().default('certs/dev'),
  POLICIES_DIR: z.string().default('policies'),
  TRUST_DOMAIN: z
    .string()
    .regex(/^[a-z0-9._-]{1,255}$/, 'is not a SPIFFE trust domain')
    .default('aduana.local'),
  BIND_ADDRESS: z
    .string()
    .refine((value) => value === 'localhost' || isIP(value) !== 0, 'is neither an IP address nor localhost')
    .default('127.0.0.1'),
  /** Load balancers on layer 4, whose connections begin with a header of the PROXY protocol: it names the client's address. */
  PROXY_PROTOCOL_FROM: list(BALANCERS, 'is no list of addresses and ranges such as 10.0.0.0/24'),
  HEALTH_PORT: portOrOff('off'),
  /** Prometheus, plain HTTP on BIND_ADDRESS, for all services of the process. */
  METRICS_PORT: portOrOff('off'),
  MTLS_ENABLED: flag(true),
  MTLS_MODE: choice(['permissive', 'strict'], 'permissive'),
  STS_PORT: port(8011),
  AUDIT_PORT: port(8012),
  ADMIN_PORT: port(8013),
  STS_ISSUER: url(['https:']),
  STS_URL: url(['https:']),
  /** Where the audit log is, for services on other hosts. */
  AUDIT_URL: url(['https:']),
  /** Where the admin service is, for commands on other hosts. */
  ADMIN_URL: url(['https:']),
  DATABASE_URL: checked(databaseUrlProblem),
  MIGRATION_DATABASE_URL: checked(databaseUrlProblem),
  /** The login with which each service works, for `aduana migrate`. */
  MIGRATION_LOGINS: pairs(
    /^(sts|audit|admin):[^\s,:]{1,63}$/,
    'is no list such as `sts:aduana_sts,audit:aduana_audit,admin:aduana_admin`',
  ),
  REDIS_URL: checked(redisUrlProblem),
  SECRET_PROVIDER: choice(['local', 'vault', 'aws_kms'], 'local'),
  ADUANA_MASTER_KEY_FILE: z.string().optional(),
  AUDIT_MODE: choice(['fail_closed', 'fail_open'], 'fail_closed'),
  /** Where events wait while the log is away: on this machine's disk, at an audit replica's too, or nowhere (503 meanwhile). */
  SPOOL: choice(['local', 'replicated', 'off'], 'local'),
  AUDIT_SPOOL_MAX_BYTES: z
    .string()
    .regex(/^\d+$/, 'is not a whole number')
    .transform(Number)
    .default(268_435_456),
  AUTHORIZATION_MODE: choice(['filter', 'reject', 'dry_run'], 'filter'),
  UNGUARDED_FIELDS: choice(['authenticated', 'deny'], 'authenticated'),
  SIGNING_KEY_ROTATION_INTERVAL: durationOrOff(30 * 86_400_000),
  CLIENT_SECRET_ROTATION_INTERVAL: durationOrOff('off'),
  /** Distinguishes replicas of one service in the audit log; the same after a restart. */
  INSTANCE: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'is no name of 1 to 64 letters, digits, dots, dashes')
    .default('1'),
  /** How long a service goes on serving, not ready, once SIGTERM has come. */
  DRAIN_SECONDS: count(5, 0).refine((value) => value <= 300, 'is more than 300'),
  ...TELEMETRY_SETTINGS,
  LOG_LEVEL: choice(['debug', 'info', 'warn', 'error', 'silent'], 'info'),
} as const;

export type ServiceSettings = z.output<z.ZodObject<typeof SERVICE_SETTINGS>>;

/** The issuer identifier of the STS: `STS_ISSUER`, else localhost at its port. */
export function stsIssuer(settings: Pick<ServiceSettings, 'STS_ISSUER' | 'STS_PORT'>): string {
  return settings.STS_ISSUER ?? `https://localhost:${String(settings.STS_PORT)}`;
}

/** The token endpoint of the STS: `STS_URL`, else beneath its issuer identifier. */
export function stsTokenUrl(settings: Pick<ServiceSettings, 'STS_URL' | 'STS_ISSUER' | 'STS_PORT'>): string {
  return settings.STS_URL ?? `${stsIssuer(settings)}/sts/token`;
}

/** The base URL of the audit log: `AUDIT_URL`, else localhost at its port. */
export function auditUrl(settings: Pick<ServiceSettings, 'AUDIT_URL' | 'AUDIT_PORT'>): string {
  return settings.AUDIT_URL ?? loopbackUrl(settings.AUDIT_PORT);
}

/** The base URL of the admin service: `ADMIN_URL`, else localhost at its port. */
export function adminUrl(settings: Pick<ServiceSettings, 'ADMIN_URL' | 'ADMIN_PORT'>): string {
  return settings.ADMIN_URL ?? loopbackUrl(settings.ADMIN_PORT);
}

/** The base URL of a service of the deployment on loopback. */
export function loopbackUrl(servicePort: number): string {
  return `https://localhost:${String(servicePort)}`;
}
