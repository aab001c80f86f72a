import type { AuditRecord } from '@aduana/client/audit/audit-event';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { authenticate } from '../../gateway/authenticate/authenticate.ts';
import { type AuthorizationMode, createAuthorizer } from '../../gateway/authorize/create-authorizer.ts';
import { createValidate } from '../../gateway/documents/validate.ts';
import { createExecutor } from '../../gateway/execute/create-executor.ts';
import { createHandler } from '../../gateway/handler.ts';
import type { HandlerDependencies } from '../../gateway/handler-dependencies.ts';
import { type MissBudget, UNLIMITED } from '../../gateway/limits/miss-budget.ts';
import { createPlan } from '../../gateway/planner/plan.ts';
import { createNarrow } from '../../gateway/subgraphs/narrow.ts';
import { createTraffic } from '../../gateway/traffic/traffic.ts';
import { createFakeClock } from './fake-clock.ts';
import { createServiceRequest } from './service-request.ts';
import { delegatedOf } from './stream-world.ts';
import { supergraphOf } from './supergraph-of.ts';

export const START = Date.UTC(2026, 10, 29, 12);

const supergraph = supergraphOf({
  items: `type Query { item: Item secrets: Item @requiresScopes(scopes: [["strong"]]) }
      type Item { n: Int secret: Int @requiresScopes(scopes: [["strong"]]) recent: Int @policy(policies: [["recent"]])
        either: Int @requiresScopes(scopes: [["none"], ["strong"]]) never: Int @requiresScopes(scopes: [["none"]]) }
      type Mutation { change: Int @requiresScopes(scopes: [["strong"]]) }`,
});

export interface AnsweringGatewayOptions {
  readonly mode?: AuthorizationMode;
  readonly refusals?: string;
  readonly clock?: ReturnType<typeof createFakeClock>;
  readonly callers?: HandlerDependencies['callers'];
  readonly limits?: HandlerDependencies['limits'];
  readonly budget?: MissBudget;
  /** Waited for by each request to the subgraph. */
  readonly answering?: () => Promise<void>;
}

const LIMITS = { bodyBytes: 10_000, batch: 5, values: 'off' } as const;

const UNCOUNTED = {
  enter: () => Promise.resolve(() => undefined),
  countBatch: () => Promise.resolve(),
  countRates: () => Promise.resolve(new Map()),
  requireReading: () => undefined,
  keepUnread: () => ({
    begin: () => undefined,
    set: () => undefined,
    isTooMuch: false,
    release: () => undefined,
  }),
} as unknown as HandlerDependencies['callers'];

/** A gateway over one subgraph whose every field is 1, and a caller with this login. */
export function openAnsweringGateway(
  engine: Engine,
  login: Partial<AccessTokenClaims>,
  {
    mode = 'filter',
    refusals = 'errors',
    clock = createFakeClock(START),
    callers = UNCOUNTED,
    limits = LIMITS,
    budget = UNLIMITED,
    answering = () => Promise.resolve(),
  }: AnsweringGatewayOptions = {},
) {
  const log = createLog('silent', () => undefined);
  const records: AuditRecord[] = [];
  const asked: string[] = [];
  const audit = {
    record(record: AuditRecord) {
      records.push(record);
      return Promise.resolve(record.id ?? '');
    },
  };
  const delegated = delegatedOf('ana', { scope: 'strong', roles: ['r'], ...login });
  const handle = createHandler({
    platform: { clock, log, metrics: createMetrics() },
    browser: { publicHosts: [], allowedOrigins: [] },
    limits,
    flood: { count: () => Promise.resolve(undefined), flush: () => Promise.resolve() },
    audit,
    authenticate,
    traffic: createTraffic(clock),
    exchange: () => Promise.resolve(delegated),
    callers,
    environment: 'test',
    engine: () => engine,
    supergraph: () => supergraph,
    measureOperation: (measured: unknown, _audit: unknown, run: (measured: unknown) => unknown) =>
      run(measured),
    forward: () => ({
      answerHeaders: () => ({}),
      async fetch({ body }: { readonly body: string }) {
        asked.push(body);
        await answering();
        return { data: { item: { n: 1, secret: 1, recent: 1, either: 1 }, change: 1 } };
      },
    }),
    findDocument: (sent: unknown) => sent,
    validate: createValidate('off', { checkDocument: () => undefined } as never, budget),
    views: () => supergraph.apiSchema,
    authorize: createAuthorizer({ clock, mode }),
    documentLimits: { checkOperation: () => undefined },
    introspect: () => undefined,
    plan: createPlan({ clock, log }),
    narrow: createNarrow(),
    execute: createExecutor({ kind: 'aduana', clock, log, operationTimeoutMs: 'off', shareInFlight: false }),
    budget,
    refusals,
  } as unknown as HandlerDependencies);
  const send = (body: unknown, authorization = 'Bearer a.b.c') => {
    const headers = { 'content-type': 'application/json', authorization };
    return handle(createServiceRequest({ headers, body: JSON.stringify(body) }));
  };
  const ask = async (query: string, authorization?: string) => {
    const response = await send({ query }, authorization);
    return {
      status: response.status,
      challenge: [response.headers?.['www-authenticate'] ?? []].flat(),
      ...(JSON.parse(String(response.body)) as { data: unknown; errors?: unknown; extensions?: unknown }),
    };
  };
  return { clock, records, asked, ask, send };
}
