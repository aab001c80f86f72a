import { SecurityError } from '@aduana/core/errors/security-error';
import { auditTrace } from '@aduana/server-kit/http/audit-trace';
import { actorOfToken } from '@aduana/server-kit/http/token-actor';
import type { Engine } from '@aduana/server-kit/iam/compile';
import type { LivePolicies } from '@aduana/server-kit/iam/live-policies';
import { loadPolicyTests, runPolicyTests } from '@aduana/server-kit/iam/policy-tests';
import { SERVICE_ID } from '@aduana/server-kit/iam/service-identities-shape';
import type { Service } from '@aduana/server-kit/iam/policy';
import type { SubgraphContext } from '../subgraph-route.ts';
import {
  type ExplainedContext,
  type ExplainedDecision,
  explainActions,
  explainFields,
  toAccessContext,
} from './explain-access.ts';
import { type GraphCoverage, readGraphCoverage } from './graph-coverage.ts';
import type { OpenAdmin } from './open-admin.ts';
import { showRoles } from './show-roles.ts';
import type { Decided } from './service-states.ts';

export interface ResolverOptions extends Omit<OpenAdmin, 'check' | 'close'> {
  /** The issuer identifier of the STS, whose subjects are services. */
  readonly issuer: string;
  /** The supergraph's SDL, for explanations of documents. */
  readonly readSupergraph: () => Promise<string>;
  readonly now: () => number;
}

interface ServiceIdentity {
  readonly id: string;
  readonly spiffeId: string | null;
  readonly roles: readonly string[];
  readonly suspended: boolean;
}

interface OnService {
  readonly serviceId: string;
  readonly reason: string;
}

interface ExplainArguments {
  readonly subject: string;
  /** Null, as the STS itself: the subject is a service. */
  readonly issuer?: string | null;
  readonly action?: string | null;
  readonly document?: string | null;
  readonly context?: ExplainedContext | null;
}

const DEFAULT_GRACE_SECONDS = 3_600;
const LONGEST_REASON = 500;

/** What the schema of the admin service resolves to; the guard in front of it has checked the scopes. */
export function createResolvers(options: ResolverOptions) {
  const { policies, states } = options;
  const service = (id: string): Service => {
    const known = policies.current().services.get(id);
    if (known === undefined) throw new SecurityError('UNKNOWN_SERVICE');
    return known;
  };
  const identify = async (id: string): Promise<ServiceIdentity> =>
    identity(policies.current().services.get(id) ?? unregistered(id), await states.suspended());

  const find = async (id: string): Promise<ServiceIdentity | null> => {
    const found = await identify(id);
    return policies.current().services.has(id) || found.suspended ? found : null;
  };

  return {
    Query: {
      async services() {
        const suspended = await states.suspended();
        const registered = policies.current().services;
        const others = [...suspended].filter((id) => !registered.has(id)).map(unregistered);
        return [...registered.values(), ...others].map((entry) => identity(entry, suspended));
      },
      service: (_parent: unknown, { id }: { readonly id: string }) => find(id),
      roles: () => showRoles(policies.current()),
      certificates: () => options.certificates(),
      policyVersions: (_parent: unknown, { first }: { readonly first: number }) =>
        options.versions.list(first),
      policyDiff: (_parent: unknown, { from, to }: Record<'from' | 'to', number>) =>
        options.versions.diff(from, to),
      policyTests: async () =>
        runPolicyTests(policies.current(), await loadPolicyTests(policies.current().sources.folder)),
      graphCoverage: async () => readGraphCoverage(await options.readSupergraph(), policies.current()),
      policySet: () => showPolicySet(policies.current(), policies),
      explainAccess: (_parent: unknown, asked: ExplainArguments) => explainAccess(asked, options),
    },
    GraphCoverage: {
      types: ({ types }: GraphCoverage, page: Parameters<GraphCoverage['types']>[0]) => types(page),
    },
    Mutation: createMutations(options, service, identify),
    ServiceIdentity: {
      __resolveReference: ({ id }: { readonly id: string }) => find(id),
    },
  };
}

/** The action that is asked about, each field of the document, or, without either, every permission that there is. */
async function explainAccess(
  { subject, issuer, action, document, context }: ExplainArguments,
  { policies, issuer: ownIssuer, readSupergraph, now }: ResolverOptions,
): Promise<readonly ExplainedDecision[]> {
  const engine = policies.current();
  const foreign = issuer == null || issuer === ownIssuer ? undefined : issuer;
  const asked = { subject, issuer: foreign, context: toAccessContext(context, now()) };
  const fields =
    typeof document === 'string' ? explainFields(engine, asked, document, await readSupergraph()) : [];
  const asksForActions = typeof action === 'string' || typeof document !== 'string';
  return asksForActions ? [...explainActions(engine, asked, action ?? undefined), ...fields] : fields;
}

function createMutations(
  { policies, states, history, revokeCertificate, revokeSubject, rotateServiceSecret, now }: ResolverOptions,
  service: (id: string) => Service,
  identify: (id: string) => Promise<ServiceIdentity>,
) {
  return {
    async rotateServiceSecret(
      _parent: unknown,
      { serviceId, graceSeconds, reason }: OnService & { readonly graceSeconds?: number | null },
      context: SubgraphContext,
    ) {
      if (!cameOverMtls(context)) throw new SecurityError('MTLS_REQUIRED');
      const { id } = service(serviceId);
      const grace = graceSeconds ?? DEFAULT_GRACE_SECONDS;
      const { trace } = decided(reason, context);
      const rotation = await rotateServiceSecret(id, grace, { reason, trace, token: context.credential });
      const { version, secret, graceUntil } = rotation;
      return { serviceId: id, version, secret, graceUntil: graceUntil ?? toText(now()) };
    },
    async suspendService(_parent: unknown, { serviceId, reason }: OnService, context: SubgraphContext) {
      await states.suspend(serviceIdOf(serviceId), decided(reason, context));
      return identify(serviceId);
    },
    async restoreService(_parent: unknown, { serviceId, reason }: OnService, context: SubgraphContext) {
      await states.restore(serviceIdOf(serviceId), decided(reason, context));
      return identify(serviceId);
    },
    async revokeCertificate(
      _parent: unknown,
      { thumbprint, reason }: { readonly thumbprint: string; readonly reason: string },
      context: SubgraphContext,
    ) {
      const { revokedAt } = await revokeCertificate(thumbprint, decided(reason, context));
      return { thumbprint, revokedAt: toText(revokedAt) };
    },
    async revokeSubject(
      _parent: unknown,
      { issuer, subject, reason }: Record<'issuer' | 'subject' | 'reason', string>,
      context: SubgraphContext,
    ) {
      const { revokedAt } = await revokeSubject({ issuer, subject }, decided(reason, context));
      return { issuer, subject, revokedAt: toText(revokedAt) };
    },
    async reloadPolicies(_parent: unknown, _arguments: unknown, context: SubgraphContext) {
      return showPolicySet(await history.reload(asked(context)), policies);
    },
  };
}

/**
 * Whether the subject itself proved a certificate: on this connection, or, behind an actor, in the way that the STS
 * stamped for the subject; how the actor authenticated says nothing of the subject.
 */
function cameOverMtls({ token: { claims }, peer }: SubgraphContext): boolean {
  const { act, amr, cnf } = claims;
  if (act === undefined) return cnf?.['x5t#S256'] === peer.thumbprint;
  return amr.includes('tls_client_auth') || amr.includes('x509_svid');
}

function asked({ token, trace }: SubgraphContext): Omit<Decided, 'reason'> {
  return { actor: actorOfToken(token.claims), trace: auditTrace(trace) };
}

function decided(reason: string, context: SubgraphContext): Decided {
  if (reason.trim() === '' || reason.length > LONGEST_REASON)
    throw new SecurityError('BAD_REQUEST', { detail: 'the reason is empty or too long' });
  return { ...asked(context), reason };
}

/** The id of any service, also of one that is not registered, any more or yet. */
function serviceIdOf(id: string): string {
  if (!SERVICE_ID.test(id)) throw new SecurityError('UNKNOWN_SERVICE', { detail: 'no service id' });
  return id;
}

function unregistered(id: string): Pick<Service, 'id' | 'spiffeId' | 'roles'> {
  return { id, spiffeId: undefined, roles: [] };
}

function identity(
  { id, spiffeId, roles }: Pick<Service, 'id' | 'spiffeId' | 'roles'>,
  suspended: ReadonlySet<string>,
): ServiceIdentity {
  return { id, spiffeId: spiffeId ?? null, roles, suspended: suspended.has(id) };
}

function showPolicySet({ sha256 }: Engine, { loadedAt }: LivePolicies) {
  return { sha256, loadedAt: toText(loadedAt) };
}

function toText(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
