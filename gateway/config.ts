import type { Environment } from '@aduana/server-kit/config/load-config';
import { SERVICE_SETTINGS } from '@aduana/server-kit/config/service-settings';
import {
  choice,
  count,
  duration,
  durationOrOff,
  countOrOff,
  HOST_NAME,
  list,
  port,
  portOrOff,
} from '@aduana/server-kit/config/variable';
import { z } from 'zod';

/** The gateway's variables. */
export const GATEWAY_SETTINGS = {
  ...SERVICE_SETTINGS,
  GATEWAY_HTTP_PORT: portOrOff(4000),
  GATEWAY_TLS_PORT: port(4443),
  SUPERGRAPH_CONFIG: z.string().default('gateway/supergraph.yaml'),
  /** A file, or the https URL of a registry, CDN or object store. */
  SUPERGRAPH_SDL: z.string().default('gateway/supergraph.graphql'),
  SUPERGRAPH_SDL_KEY: z.string().optional(),
  SUPERGRAPH_SDL_KEY_FILE: z.string().optional(),
  SUPERGRAPH_SDL_KEY_HEADER: z
    .string()
    .toLowerCase()
    .regex(/^[a-z0-9-]{1,64}$/, 'is no name of a header')
    .default('authorization'),
  /** A graph and its variant in GraphOS: the URL is then asked by Uplink's protocol. */
  SUPERGRAPH_GRAPH_REF: z
    .string()
    .regex(/^[\w-]{1,128}@[\w-]{1,128}$/, 'is no graph and variant such as my-graph@production')
    .optional(),
  SUPERGRAPH_POLL_INTERVAL: duration(30_000),
  SUPERGRAPH_MAX_BYTES: count(16_777_216),
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
  LIMIT_COST: countOrOff(50_000),
  LIST_SIZE: count(10),
  LIMIT_BATCH: countOrOff(1),
  LIMIT_VALUES: countOrOff(100_000),
  LIMIT_CONCURRENT_OPERATIONS: countOrOff(200),
  LIMIT_OPERATIONS_IN_PROGRESS: countOrOff(1_000),
  LIMIT_OPERATIONS_WAITING: count(1_000, 0),
  /** Memory for answers of subgraphs and events of their streams that are under way. */
  LIMIT_SUBGRAPH_BYTES: countOrOff(268_435_456),
  /** Memory for answers that clients have not read yet. */
  LIMIT_UNREAD_BYTES: countOrOff(268_435_456),
  OPERATION_TIMEOUT_MS: count(30_000),
  /** Threads that load supergraphs, validate big documents and plan; `off`: the event loop does. */
  PLANNING_THREADS: countOrOff(1),
  PLANNING_TIMEOUT_MS: count(10_000),
  RATE_LIMIT_PER_MINUTE: countOrOff('off'),
  LIMIT_STREAMS_PER_CALLER: countOrOff(100),
  LIMIT_STREAMS: countOrOff(10_000),
  STREAM_HEARTBEAT_SECONDS: count(15),
  STREAM_MAX_LIFETIME: durationOrOff(3_600_000),
  STREAM_BUFFER_BYTES: count(1_048_576),
  STREAM_MESSAGES_PER_SECOND: countOrOff(1_000),
} as const;

export type GatewaySettings = z.output<z.ZodObject<typeof GATEWAY_SETTINGS>>;

export interface GatewayConfig extends GatewaySettings {
  /** What `${VARIABLES}` in the supergraph's configuration stand for, beside the deployment's own ports. */
  readonly variables: Environment;
}
