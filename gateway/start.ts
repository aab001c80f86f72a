import { SecurityError } from '@aduana/core/errors/security-error';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { type AnonymousFlood, createAnonymousFlood } from '@aduana/core/audit/anonymous-flood';
import { describeError } from '@aduana/core/platform/log';
import { stsIssuer } from '@aduana/core/config/house-settings';
import type { SpentIds } from '@aduana/core/bus/spent-ids';
import type { Environment } from '@aduana/core/config/load-config';
import type { AuditClient } from '@aduana/core/client/audit-client';
import { openAuditLine } from '@aduana/core/client/audit-line';
import { type HouseLine, openHouseLine } from '@aduana/core/client/house-line';
import { recordPolicies } from '@aduana/core/client/policy-recorder';
import { createRefusalRecorder } from '@aduana/core/client/refusal-recorder';
import { healthListener } from '@aduana/core/http/service-listeners';
import type { Health } from '@aduana/core/http/health';
import type { ListenerOptions } from '@aduana/core/http/listener';
import { type HttpService, openHttpService } from '@aduana/core/http/service';
import type { RunningService, ServicePlatform } from '@aduana/core/http/service-platform';
import { type LivePolicies, openPolicies } from '@aduana/core/iam/live-policies';
import type { GatewaySettings } from './config.ts';
import { createHandler, type HandlerRooms } from './handler.ts';
import { createDpopVerifier } from '@aduana/core/tokens/verify-dpop-proof';
import { createExchange } from './pipeline/exchange.ts';
import { createFindDocument } from './pipeline/documents/find-document.ts';
import { openTrustedDocuments, type TrustedDocuments } from './pipeline/documents/trusted-documents.ts';
import { createExecutor } from './pipeline/execute/create-executor.ts';
import { createForward } from './pipeline/forward.ts';
import { type CallerViews, createCallerViews } from './pipeline/caller-views.ts';
import { createIntrospect } from './pipeline/introspect.ts';
import { type CallerLimits, createCallerLimits } from './pipeline/limits/caller-limits.ts';
import { createDocumentLimits } from './pipeline/limits/document-limits.ts';
import { createPlan } from './pipeline/plan.ts';
import { createProofMemory } from './pipeline/proof-memory.ts';
import { createAuthorizer } from './pipeline/rewrite/create-authorizer.ts';
import { createMissBudget } from './pipeline/rewrite/miss-budget.ts';
import { createValidate } from './pipeline/validate.ts';
import { createRoutes } from './routes.ts';
import { readSupergraphConfig } from './supergraph/supergraph-config.ts';
import { openSupergraphManager, type SupergraphManager } from './supergraph/supergraph-manager.ts';

export interface GatewayConfig extends GatewaySettings {
  /** What `${VARIABLES}` in the supergraph's configuration stand for, beside the house's own ports. */
  readonly variables: Environment;
}

/** Of one caller, rewritten operations and plans together. */
const MISSES_KEPT_PER_MINUTE = 1_000;
const SUBGRAPH_ANSWER_BYTES = 67_108_864;
const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** The gateway's composition root. */
export async function startGateway(
  config: GatewayConfig,
  platform: ServicePlatform,
): Promise<RunningService> {
  const { clock, log } = platform;
  const http = await openHttpService({
    name: 'gateway',
    listeners: listenersOf(config, platform),
    ...healthListener(config),
    platform,
  });
  const closers: (() => Promise<void>)[] = [() => http.stop()];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0)) await close();
  };
  try {
    const policies = await openPolicies({ folder: config.POLICIES_DIR, clock, log });
    closers.push(() => policies.stop());
    const supergraph = await openSupergraph(config, platform);
    closers.push(() => supergraph.stop());
    const lineOptions = { service: 'gateway', settings: config, platform };
    const line = openHouseLine(lineOptions);
    const auditLine = await openAuditLine(line, lineOptions);
    const { audit } = auditLine;
    recordPolicies('gateway', policies, audit, platform);
    const flood = createAnonymousFlood({
      limitPerMinute: config.ANONYMOUS_EVENTS_PER_MINUTE,
      clock,
      record: (record) => audit.record(record),
      onError: (error) => {
        log.error('a flood could not be recorded', { error: describeError(error) });
      },
    });
    closers.push(
      () => flood.flush(),
      () => auditLine.close(),
      () => line.close(),
    );
    const callers = createCallerLimits(config, platform);
    closers.push(() => callers.close());
    const proofs = createProofMemory(config, platform);
    closers.push(() => proofs.close());
    const trusted = await openTrusted(config, platform);
    closers.push(async () => trusted?.stop());
    const opened = { line, audit, flood, policies, supergraph, callers, proofs, trusted };
    const rooms = createRooms(config, platform, opened);
    http.serve(
      createRoutes(config, platform, createHandler(rooms), rooms),
      () => Promise.resolve(healthOf(opened)),
      (thumbprint) => line.status.isCertificateRevoked(thumbprint),
      createRefusalRecorder(audit, platform),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { name: 'gateway', url: urlOf(config, http), isReady: () => http.isReady(), stop };
}

interface Opened {
  readonly line: HouseLine;
  readonly audit: AuditClient;
  readonly flood: AnonymousFlood;
  readonly policies: LivePolicies;
  readonly supergraph: SupergraphManager;
  readonly callers: CallerLimits;
  readonly proofs: SpentIds;
  readonly trusted: TrustedDocuments | undefined;
}

function createRooms(
  config: GatewayConfig,
  platform: ServicePlatform,
  { line, audit, flood, policies, supergraph, callers, proofs, trusted }: Opened,
): HandlerRooms {
  const { clock, log } = platform;
  const documentLimits = createDocumentLimits(config);
  const views = createViews(config, platform);
  const budget = createMissBudget(clock, MISSES_KEPT_PER_MINUTE);
  return {
    platform,
    browser: { publicHosts: config.PUBLIC_HOSTS, allowedOrigins: config.ALLOWED_ORIGINS },
    limits: {
      bodyBytes: config.LIMIT_BODY_BYTES === 'off' ? UNLIMITED : config.LIMIT_BODY_BYTES,
      batch: config.LIMIT_BATCH,
    },
    callers,
    environment: config.DEPLOYMENT_ENVIRONMENT,
    exchange: createExchange({
      sts: line.sts,
      verify: line.verifier('gateway'),
      verifyProof: createDpopVerifier({ clock, spend: proofs.spend }),
      issuer: stsIssuer(config),
      isTrustedIssuer: (issuer) => policies.current().issuers.has(issuer),
      isRegistered: (peer) => policies.current().serviceBySpiffeId(peer.spiffeId) !== undefined,
    }),
    forward: createForward({
      client: line.client,
      sts: line.sts,
      trustDomain: config.TRUST_DOMAIN,
      maxResponseBytes: SUBGRAPH_ANSWER_BYTES,
      platform,
    }),
    findDocument: createFindDocument({ trusted, persisted: config.PERSISTED_QUERIES === 'on', clock }),
    refusals: config.REFUSALS,
    documentLimits,
    validate: createValidate(config.LIMIT_TOKENS, documentLimits),
    authorize: createAuthorizer({ clock, mode: config.AUTHORIZATION_MODE, budget }),
    views,
    introspect: createIntrospect({ clock, mode: config.INTROSPECTION, views }),
    plan: createPlan({ budget }),
    execute: createExecutor({
      kind: config.EXECUTOR,
      clock,
      log,
      operationTimeoutMs: config.OPERATION_TIMEOUT_MS,
      shareInFlight: config.SHARE_IN_FLIGHT === 'on',
    }),
    audit,
    flood,
    engine: () => policies.current(),
    supergraph: () => supergraph.current(),
  };
}

/** Nothing is hidden where nothing is refused, or where introspection shows everything. */
function createViews(config: GatewayConfig, { clock }: ServicePlatform): CallerViews {
  const everything = config.AUTHORIZATION_MODE === 'dry_run' || config.INTROSPECTION === 'full';
  return everything ? ({ apiSchema }) => apiSchema : createCallerViews({ clock });
}

async function openTrusted(
  { TRUSTED_DOCUMENTS: file }: GatewayConfig,
  { clock, log }: ServicePlatform,
): Promise<TrustedDocuments | undefined> {
  return file === 'off' ? undefined : openTrustedDocuments({ file, clock, log });
}

function listenersOf(config: GatewayConfig, { identity }: ServicePlatform): readonly ListenerOptions[] {
  const address = config.BIND_ADDRESS;
  const clientCertificates = !config.MTLS_ENABLED
    ? 'none'
    : config.MTLS_MODE === 'strict'
      ? 'require'
      : 'request';
  const tls: ListenerOptions = {
    address,
    port: config.GATEWAY_TLS_PORT,
    tls: { identity, trustDomain: config.TRUST_DOMAIN, clientCertificates, minVersion: 'TLSv1.2' },
  };
  if (config.GATEWAY_HTTP_PORT === 'off') return [tls];
  return [tls, { address, port: config.GATEWAY_HTTP_PORT, tls: undefined }];
}

async function openSupergraph(config: GatewayConfig, platform: ServicePlatform): Promise<SupergraphManager> {
  if (config.AUTHORIZATION_MODE === 'dry_run')
    platform.log.warn('AUTHORIZATION_MODE=dry_run: NOTHING IS REFUSED by this gateway, only recorded');
  const subgraphs = await readSubgraphs(config);
  const sdlFile = config.SUPERGRAPH_SDL;
  return openSupergraphManager({ sdlFile, subgraphs, platform }).catch((error: unknown) => {
    if (!(error instanceof SecurityError) || error.code !== 'SUPERGRAPH_INVALID') throw error;
    const problem = error.detail ?? error.message;
    throw new ConfigurationError([
      { subject: sdlFile, problem, remedy: 'Compose it: npx aduana supergraph compose' },
    ]);
  });
}

async function readSubgraphs(config: GatewayConfig) {
  const { STS_PORT, AUDIT_PORT, ADMIN_PORT, LEADS_PORT } = config;
  const ports = Object.entries({ STS_PORT, AUDIT_PORT, ADMIN_PORT, LEADS_PORT }).map(
    ([name, port]) => [name, String(port)] as const,
  );
  const { subgraphs } = await readSupergraphConfig(config.SUPERGRAPH_CONFIG, {
    variables: { ...config.variables, ...Object.fromEntries(ports) },
    allowPlainLoopback: config.MTLS_MODE === 'permissive',
  });
  return subgraphs;
}

function healthOf({ line, audit, callers, proofs }: Opened): Health {
  const checks: Readonly<Record<string, string>> = {
    ...line.check(),
    audit: audit.state,
    rates: callers.state,
    proofs: proofs.state === 'ok' ? 'ok' : 'DPoP proofs are known to each replica alone',
  };
  const ok = Object.values(checks).every((state) => state === 'ok');
  return { status: checks['status'] !== 'ok' ? 'unavailable' : ok ? 'ok' : 'degraded', checks };
}

function urlOf(config: GatewayConfig, http: HttpService): string {
  const [tls, plain] = http.ports;
  return config.GATEWAY_HTTP_PORT === 'off' || plain === undefined
    ? `https://localhost:${String(tls)}/graphql`
    : `http://localhost:${String(plain)}/graphql and https://localhost:${String(tls)}/graphql`;
}
