import { readFile } from 'node:fs/promises';
import { DateTimeScalar } from '@aduana/server-kit/graphql/date-time-scalar';
import type { Route } from '@aduana/core/http/route';
import type { Log } from '@aduana/core/platform/log';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import { createSubgraphRoute, type SubgraphOptions } from '../subgraph-route.ts';
import { BigIntScalar } from './big-int-scalar.ts';
import type { AuditSettings } from './config.ts';
import { createResolvers, type ResolverOptions } from './resolvers.ts';

/** The log as a subgraph: for the gateway, with a token for this audience that is bound to it. */
export async function createGraphqlRoute(
  options: ResolverOptions & {
    readonly trustDomain: string;
    readonly verify: VerifyAccessToken;
    readonly mode: AuditSettings['AUTHORIZATION_MODE'];
    readonly unguardedFields?: AuditSettings['UNGUARDED_FIELDS'];
    readonly log: Log;
  } & Omit<NonNullable<SubgraphOptions['subscriptions']>, 'clock'>,
): Promise<Route> {
  const { trustDomain, verify, mode, unguardedFields = 'authenticated', log, clock, status, onStop } = options; // prettier-ignore
  return createSubgraphRoute({
    name: 'audit',
    sdl: await readFile(new URL('schema.graphql', import.meta.url), 'utf8'),
    resolvers: { BigInt: BigIntScalar, DateTime: DateTimeScalar, ...createResolvers(options) },
    peers: new Set([`spiffe://${trustDomain}/gateway`]),
    verify,
    mode,
    unguardedFields,
    subscriptions: { clock, status, onStop },
    log,
  });
}
