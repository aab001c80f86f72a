import { SecurityError } from '@aduana/core/errors/security-error';
import { auditTrace } from '@aduana/core/http/audit-trace';
import { actorOfToken } from '@aduana/core/http/token-actor';
import type { Engine } from '@aduana/core/iam/compile';
import type { LivePolicies } from '@aduana/core/iam/live-policies';
import type { Role, Rule, Service } from '@aduana/core/iam/policy';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import type { SubgraphContext } from '../start-subgraph.ts';
import type { RevokeCertificate } from './certificate-revocations.ts';
import {
  type ExplainedContext,
  type ExplainedDecision,
  explainActions,
  explainFields,
  toAccessContext,
} from './explain-access.ts';
import type { PolicyHistory } from './policy-history.ts';
import type { RotateServiceSecret } from './rotate-service-secret.ts';
import type { Decided, ServiceStates } from './service-states.ts';

export interface ResolverOptions {
  readonly policies: LivePolicies;
  readonly states: ServiceStates;
  readonly history: PolicyHistory;
  readonly revokeCertificate: RevokeCertificate;
  readonly rotateServiceSecret: RotateServiceSecret;
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
    identity(service(id), await states.suspended());

  return {
    Query: {
      async services() {
        const suspended = await states.suspended();
        return [...policies.current().services.values()].map((entry) => identity(entry, suspended));
      },
      service: async (_parent: unknown, { id }: { readonly id: string }) =>
        policies.current().services.has(id) ? identify(id) : null,
      roles: () => [...policies.current().sources.roles.values()].map(showRole),
      policySet: () => showPolicySet(policies.current(), policies),
      explainAccess: (_parent: unknown, asked: ExplainArguments) => explainAccess(asked, options),
    },
    Mutation: createMutations(options, service, identify),
    ServiceIdentity: {
      __resolveReference: async ({ id }: { readonly id: string }) =>
        policies.current().services.has(id) ? identify(id) : null,
    },
  };
}

/** The action that is asked about, each field of the document, or, without either, every permission that there is. */
async function explainAccess(
  { subject, action, document, context }: ExplainArguments,
  { policies, readSupergraph, now }: ResolverOptions,
): Promise<readonly ExplainedDecision[]> {
  const engine = policies.current();
  const asked = { subject, context: toAccessContext(context, now()) };
  const fields =
    typeof document === 'string' ? explainFields(engine, asked, document, await readSupergraph()) : [];
  const asksForActions = typeof action === 'string' || typeof document !== 'string';
  return asksForActions ? [...explainActions(engine, asked, action ?? undefined), ...fields] : fields;
}

function createMutations(
  { policies, states, history, revokeCertificate, rotateServiceSecret, now }: ResolverOptions,
  service: (id: string) => Service,
  identify: (id: string) => Promise<ServiceIdentity>,
) {
  return {
    async rotateServiceSecret(
      _parent: unknown,
      { serviceId, graceSeconds, reason }: OnService & { readonly graceSeconds?: number | null },
      context: SubgraphContext,
    ) {
      if (!cameOverMtls(context.token.claims)) throw new SecurityError('MTLS_REQUIRED');
      const { id } = service(serviceId);
      const grace = graceSeconds ?? DEFAULT_GRACE_SECONDS;
      const rotation = await rotateServiceSecret(id, grace, decided(reason, context));
      const { version, secret, graceUntil } = rotation;
      return { serviceId: id, version, secret, graceUntil: graceUntil ?? toText(now()) };
    },
    async suspendService(_parent: unknown, { serviceId, reason }: OnService, context: SubgraphContext) {
      await states.suspend(service(serviceId).id, decided(reason, context));
      return identify(serviceId);
    },
    async restoreService(_parent: unknown, { serviceId, reason }: OnService, context: SubgraphContext) {
      await states.restore(service(serviceId).id, decided(reason, context));
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
    async reloadPolicies(_parent: unknown, _arguments: unknown, context: SubgraphContext) {
      return showPolicySet(await history.reload(asked(context)), policies);
    },
  };
}

/** Whether the subject itself showed a certificate, to the STS or to the gateway. */
function cameOverMtls({ amr }: AccessTokenClaims): boolean {
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

function identity({ id, spiffeId, roles }: Service, suspended: ReadonlySet<string>): ServiceIdentity {
  return { id, spiffeId: spiffeId ?? null, roles, suspended: suspended.has(id) };
}

function showRole({ name, inherits, rules }: Role) {
  return { name, inherits, permissions: rules.map(showRule) };
}

/** An allow is its pattern; the rest stands beside it in words. */
function showRule({ effect, pattern, when, unless }: Rule): string {
  return [
    effect === 'deny' ? `deny ${pattern}` : pattern,
    ...(when.length === 0 ? [] : [`when ${when.join(' and ')}`]),
    ...(unless.length === 0 ? [] : [`unless ${unless.join(' and ')}`]),
  ].join(' ');
}

function showPolicySet({ sha256 }: Engine, { loadedAt }: LivePolicies) {
  return { sha256, loadedAt: toText(loadedAt) };
}

function toText(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
