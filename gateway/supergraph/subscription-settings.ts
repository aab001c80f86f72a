import { z } from 'zod';

/** How a subgraph's subscriptions are opened. */
export interface SubscriptionSettings {
  /** `sse`: graphql-sse, distinct connections; `graphql_ws`: `graphql-transport-ws`. */
  readonly protocol: 'sse' | 'graphql_ws';
  /** On the origin of the routing URL; undefined: the path of that URL. */
  readonly path: string | undefined;
}

/** Members of a subgraph's `aduana` block. */
export const SUBSCRIPTION_SETTINGS = {
  subscriptions: z
    .strictObject({
      protocol: z.enum(['sse', 'graphql_ws'], 'is neither `sse` nor `graphql_ws`').default('sse'),
      path: z
        .string()
        .regex(/^\/(?!\/)[^\s#\\]{0,2000}$/, 'is not an absolute path, such as /graphql/stream')
        .optional(),
    })
    .prefault({}),
} as const;

const SETTINGS = z.object(SUBSCRIPTION_SETTINGS);

export function toSubscriptionSettings({
  subscriptions: { protocol, path },
}: z.output<typeof SETTINGS>): SubscriptionSettings {
  return { protocol, path };
}

/** Of a subgraph that the configuration does not name. */
export const DEFAULT_SUBSCRIPTIONS: SubscriptionSettings = toSubscriptionSettings(SETTINGS.parse({}));
