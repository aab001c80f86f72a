import type { AuditRecord } from '@aduana/client/audit/audit-event';
import { SecurityError } from '@aduana/core/errors/security-error';
import { Secret } from '@aduana/core/secrets/secret';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { claimsWithin } from '@aduana/server-kit/iam/claims-within';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { noteCaller, openRequestAudit } from '../../gateway/audit/request-audit.ts';
import { createAuthorizer } from '../../gateway/authorize/create-authorizer.ts';
import { rightsOf } from '../../gateway/authorize/rights.ts';
import { createValidate } from '../../gateway/documents/validate.ts';
import { createCompileSubscription } from '../../gateway/execute/subscription/compile-subscription.ts';
import { createExecuteIncremental } from '../../gateway/execute/incremental/execute-incremental.ts';
import { createDocumentLimits } from '../../gateway/limits/document-limits.ts';
import { createSharedRoom } from '../../gateway/limits/shared-room.ts';
import { createStreamLimits } from '../../gateway/limits/stream-limits.ts';
import { createPlan } from '../../gateway/planner/plan.ts';
import type { Caller, Delegated } from '../../gateway/stages.ts';
import { createOpenStreams, type OpenStreamsOptions } from '../../gateway/streams/open-streams.ts';
import { createNarrow } from '../../gateway/subgraphs/narrow.ts';
import type { RequestFetcher } from '../../gateway/subgraphs/forward.ts';
import type { LoadedSupergraph } from '../../gateway/supergraph/loaded-supergraph.ts';
import type { FakeClock } from './fake-clock.ts';
import { createClient, createSink } from './stream-clients.ts';
import { createStatus, listen } from './status-double.ts';

const STS = 'https://localhost:8011';

/** The streams of a gateway over subgraphs that the test speaks for, with a status feed that it writes. */
export function openStreamWorld(
  clock: FakeClock,
  supergraph: LoadedSupergraph,
  engine: Engine,
  more: Partial<OpenStreamsOptions> & { readonly perCaller?: number; readonly onAuthorize?: () => void } = {},
) {
  const log = createLog('silent', () => undefined);
  const metrics = createMetrics();
  const state = { engine, supergraph, records: [] as AuditRecord[], auditIsAway: false };
  const status = createStatus();
  const onPolicies = new Set<() => void>();
  const onSupergraph = new Set<() => void>();
  const documentLimits = createDocumentLimits({
    LIMIT_DEPTH: 'off', LIMIT_INTROSPECTION_DEPTH: 'off', LIMIT_ALIASES: 'off', LIMIT_ROOT_FIELDS: 'off',
    LIMIT_DIRECTIVES: 'off', LIMIT_COST: 'off', LIST_SIZE: 10,
  } as never); // prettier-ignore
  const authorizer = createAuthorizer({ clock, mode: 'filter' });
  const stages = {
    validate: createValidate('off', documentLimits),
    authorize: ((...of) => {
      more.onAuthorize?.();
      return authorizer(...of);
    }) satisfies typeof authorizer,
    views: ({ apiSchema }: LoadedSupergraph) => apiSchema,
    plan: createPlan({ clock, log }),
    narrow: createNarrow(),
    compile: createCompileSubscription(),
  };
  const limits = createStreamLimits(
    { LIMIT_STREAMS: 'off', LIMIT_STREAMS_PER_CALLER: more.perCaller ?? 'off' },
    metrics,
  );
  const streams = createOpenStreams({
    stages,
    policies: { current: () => state.engine, onChange: listen(onPolicies) as never },
    supergraph: {
      current: () => state.supergraph,
      onUpdate: (listener) => void onSupergraph.add(listener as () => void),
    },
    status: status.view,
    limitClaims: (claims) => claimsWithin(state.engine, claims),
    environment: 'test',
    audit: {
      record(record) {
        if (state.auditIsAway) return Promise.reject(new SecurityError('AUDIT_UNAVAILABLE'));
        state.records.push(record);
        return Promise.resolve(record.id ?? '');
      },
    },
    limits,
    room: createSharedRoom('off'),
    refusals: 'errors',
    platform: { clock, log, metrics },
    isSupported: true,
    share: true,
    heartbeatMs: 15_000,
    longestLifeMs: 3_600_000,
    bufferBytes: 1_048_576,
    messagesPerSecond: 1_000,
    operationTimeoutMs: 5_000,
    ...more,
  });
  const decide = async (delegated: Delegated, document: string, incremental: boolean) => {
    const { caller } = delegated;
    const rights = rightsOf(caller, state.engine, { time: clock.now(), environment: 'test' });
    const request = {
      query: document,
      operationName: undefined,
      variables: {},
      extensions: {},
      queriesOnly: false,
      values: 0,
    };
    const schema = state.supergraph.apiSchema;
    const valid = await stages.validate(delegated, request, state.supergraph, () => schema);
    const validated = { ...valid, incremental };
    return { request, validated, authorized: stages.authorize(validated, state.supergraph, rights) };
  };
  const admit = (delegated: Delegated, renew?: () => Promise<Delegated>) =>
    streams.admit({
      delegated,
      certificateNotAfter: undefined,
      rates: undefined,
      renew: renew ?? (() => Promise.reject(new SecurityError('UNAUTHENTICATED'))),
    });
  return {
    streams,
    state,
    status,
    /** Asks for an answer in parts, as the handler does; what its client gets is in `sink`. */
    async askInParts(delegated: Delegated, document: string, fetcher: RequestFetcher) {
      const { validated, authorized } = await decide(delegated, document, true);
      const planned = await stages.plan(authorized, state.supergraph);
      const execute = createExecuteIncremental({ clock, log, operationTimeoutMs: 5_000 });
      const first = await execute({
        plan: planned?.plan,
        authorized,
        supergraph: state.supergraph,
        narrowings: stages.narrow(planned, authorized, state.supergraph),
        fetcher,
        signal: new AbortController().signal,
      });
      if (first.rest === undefined) throw new TypeError('nothing comes later');
      const text = `{"data":${first.data}}`;
      const unfinished = { text, rest: first.rest, validated, authorized, supergraph: state.supergraph };
      const sink = createSink();
      const body = streams.finish(unfinished, admit(delegated));
      return { sink, body };
    },
    changePolicies(next: Engine) {
      state.engine = next;
      for (const listener of onPolicies) listener();
    },
    changeSupergraph(next: LoadedSupergraph) {
      state.supergraph = next;
      for (const listener of onSupergraph) listener();
    },
    /** Opens a stream as the handler does, once its event is durable. */
    async open(
      delegated: Delegated,
      document: string,
      fetcher: RequestFetcher | ((supergraph: LoadedSupergraph) => RequestFetcher),
      renew?: () => Promise<Delegated>,
    ) {
      const { caller } = delegated;
      const requestAudit = openRequestAudit(`stream-${String(state.records.length)}-${caller.claims.jti}`);
      noteCaller(requestAudit, caller);
      const { request, validated, authorized } = await decide(delegated, document, false);
      const admitted = admit(delegated, renew);
      const forward = typeof fetcher === 'function' ? fetcher : () => fetcher;
      const opened = await streams.open(
        { request, validated, authorized, supergraph: state.supergraph },
        { caller: admitted, forward, requestAudit, shareKey: '' },
      );
      const client = createClient(clock);
      return { client, admitted, leave: opened.attach(client), id: requestAudit.id, cancel: opened.cancel };
    },
  };
}

/** A caller whom the STS vouches for. */
export function delegatedOf(name: string, claims: Partial<Caller['claims']>): Delegated {
  const header = Buffer.from(JSON.stringify({ kid: `kid-${name}` })).toString('base64url');
  return {
    stage: 'delegated',
    trace: { traceId: '0'.repeat(32), spanId: '0'.repeat(16), sampled: false },
    caller: {
      claims: {
        iss: STS, aud: 'gateway', sub: name, client_id: 'bff', jti: `jti-${name}`, iat: 0, exp: 9e9, scope: '',
        roles: [], amr: ['tls_client_auth'], auth_time: 0, root_jti: `jti-${name}`, sub_kind: 'user',
        sub_iss: 'https://users.example', ...claims,
      },
      subjectToken: Secret.of(`${header}.${name}.s`),
      method: 'tls_client_auth',
      certificateThumbprint: `certificate-${name}`,
      provesPossession: true,
      spiffeId: undefined,
      address: '127.0.0.1',
    },
  }; // prettier-ignore
}
