import { HOUSE_SETTINGS } from '@aduana/core/config/house-settings';
import { choice, count, countOrOff, HOST_NAME, list, port, portOrOff } from '@aduana/core/config/variable';
import { z } from 'zod';

/** The gateway's variables. */
export const GATEWAY_SETTINGS = {
  ...HOUSE_SETTINGS,
  GATEWAY_HTTP_PORT: portOrOff(4000),
  GATEWAY_TLS_PORT: port(4443),
  SUPERGRAPH_CONFIG: z.string().default('gateway/supergraph.yaml'),
  SUPERGRAPH_SDL: z.string().default('gateway/supergraph.graphql'),
  DEPLOYMENT_ENVIRONMENT: z.string().default('development'),
  INTROSPECTION: choice(['filtered', 'full', 'off'], 'filtered'),
  EXPLORER: choice(['on', 'off'], 'off'),
  TRUSTED_DOCUMENTS: z.string().default('off'),
  PERSISTED_QUERIES: choice(['on', 'off'], 'off'),
  REFUSALS: choice(['errors', 'extensions', 'none'], 'errors'),
  ANONYMOUS_EVENTS_PER_MINUTE: countOrOff(1200),
  ALLOWED_ORIGINS: list(
    /^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/,
    'names what is no origin such as https://studio.apollographql.com',
  ),
  PUBLIC_HOSTS: list(HOST_NAME, 'names what is no host name'),
  EXECUTOR: choice(['aduana', 'apollo'], 'aduana'),
  SHARE_IN_FLIGHT: choice(['on', 'off'], 'on'),
  LIMIT_BODY_BYTES: countOrOff(1_048_576),
  LIMIT_TOKENS: countOrOff(4000),
  LIMIT_DEPTH: countOrOff(15),
  LIMIT_INTROSPECTION_DEPTH: countOrOff(20),
  LIMIT_ALIASES: countOrOff(30),
  LIMIT_ROOT_FIELDS: countOrOff(20),
  LIMIT_DIRECTIVES: countOrOff(50),
  LIMIT_COST: countOrOff(10_000),
  LIMIT_BATCH: countOrOff(1),
  LIMIT_CONCURRENT_OPERATIONS: countOrOff(200),
  LIMIT_OPERATIONS_IN_PROGRESS: countOrOff(1_000),
  LIMIT_OPERATIONS_WAITING: count(1_000, 0),
  OPERATION_TIMEOUT_MS: count(30_000),
  RATE_LIMIT_PER_MINUTE: countOrOff('off'),
} as const;

export type GatewaySettings = z.output<z.ZodObject<typeof GATEWAY_SETTINGS>>;
