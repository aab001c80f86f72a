import type { ServicePlatform } from '@aduana/server-kit/http/service-platform';

/** What of a service's platform the log needs. */
export type LogPlatform = Pick<ServicePlatform, 'clock' | 'log' | 'metrics' | 'secrets' | 'openStore'>;
