import type { ImportedSubgraph } from './imported-graph.ts';
import type { ForeignGateway } from './foreign-gateway.ts';
import {
  asItems,
  asMembers,
  asTexts,
  type ForeignSettings,
  toCount,
  toMilliseconds,
  toSwitch,
} from './foreign-settings.ts';
import { toAlgorithms, toOrigins } from './foreign-values.ts';

/** Why members of a Hive Gateway configuration have no counterpart, by the start of their path. */
const REASONS: Readonly<Record<string, string>> = {
  host: 'set BIND_ADDRESS; anything but loopback needs TLS',
  graphqlEndpoint: 'GraphQL is served at /graphql',
  healthCheckEndpoint: 'set HEALTH_PORT for probes over plain HTTP',
  readinessCheckEndpoint: 'set HEALTH_PORT for probes over plain HTTP',
  landingPage: 'the plain HTTP port shows Apollo Sandbox at `/`',
  csrfPrevention: 'cross-site requests are refused always',
  blockFieldSuggestions: 'names that a caller may not see are never suggested',
  maskedErrors: 'errors of subgraphs are masked unless aduana.errors is `messages`',
  sslCredentials: 'certificates are read from CERTS_DIR: put gateway.crt, gateway.key and ca.crt there',
  genericAuth: 'callers are authenticated always; say who may do what in policies',
  hmacSignature: 'subgraphs are called over mTLS with tokens of their own',
  awsSigv4: 'subgraphs are called over mTLS with tokens of their own',
  propagateHeaders: 'functions are not taken over: list headers under aduana.headers of each subgraph',
  rateLimiting: 'set RATE_LIMIT_PER_MINUTE, or rate conditions in policies',
  responseCaching: 'answers are not kept: each caller gets what it may see now',
  contentEncoding: 'let the load balancer compress',
  openTelemetry: 'set the standard OTEL_* variables',
  prometheus: 'set METRICS_PORT',
  reporting: 'nothing is reported to an outside host',
  pollingInterval: 'set SUPERGRAPH_POLL_INTERVAL where SUPERGRAPH_SDL is a URL',
  upstreamRetry: 'a query that reached no subgraph is repeated once; nothing else is',
  transportEntries: 'of a transport entry, location and timeout are taken over',
  plugins: 'plugins are not loaded',
  additionalResolvers: 'code outside the subgraphs does not resolve fields',
  logging: 'set LOG_LEVEL',
};

/** The values of a Hive Gateway configuration, written as YAML. */
export const HIVE_GATEWAY: ForeignGateway = {
  reasons: REASONS,
  paths: { tls: ['sslCredentials'], port: ['port'] },
  readGateway(settings) {
    settings.take('supergraph');
    if (settings.peek('cors') === false) settings.take('cors');
    settings.toVariable('ALLOWED_ORIGINS', toOrigins, 'cors', 'origin');
    settings.toVariable('EXPLORER', toSwitch('on', 'off'), 'graphiql');
    settings.toVariable(
      'INTROSPECTION',
      (value) => (value === true ? 'off' : value === false ? 'filtered' : undefined),
      'disableIntrospection',
    );
    importLimits(settings);
    importIssuer(settings);
  },
  readSubgraph: importSubgraph,
};

/** A limit is a number, or a mapping that names it. */
function toLimit(value: unknown): string | undefined {
  const { n, limit, maxCost } = asMembers(value);
  return toCount(value) ?? toCount(n) ?? toCount(limit) ?? toCount(maxCost);
}

function importLimits(settings: ForeignSettings): void {
  settings.toVariable('LIMIT_TOKENS', toLimit, 'maxTokens');
  settings.toVariable('LIMIT_DEPTH', toLimit, 'maxDepth');
  settings.toVariable('LIMIT_ALIASES', toLimit, 'maxAliases');
  settings.toVariable('LIMIT_DIRECTIVES', toLimit, 'maxDirectives');
  settings.toVariable('LIMIT_COST', toLimit, 'demandControl');
  settings.toVariable('LIMIT_BATCH', toLimit, 'batching');
  settings.toVariable('OPERATION_TIMEOUT_MS', (value) => toCount(toMilliseconds(value)), 'requestTimeout');
  settings.toVariable('SHARE_IN_FLIGHT', toSwitch('on', 'off'), 'deduplicateRequest');
  if (settings.take('persistedDocuments') !== undefined)
    settings.leave('persistedDocuments', 'set TRUSTED_DOCUMENTS to a manifest file');
}

function importIssuer(settings: ForeignSettings): void {
  const keys = asItems(
    settings.take('jwt', 'signingKeyProviders') ?? settings.take('jwt', 'singingKeyProviders'),
  ).map((provider) => asMembers(provider)['jwksUri']);
  const issuers = asTexts(settings.take('jwt', 'tokenVerification', 'issuer'));
  const [audience] = asTexts(settings.take('jwt', 'tokenVerification', 'audience'));
  const algorithms = toAlgorithms(settings.take('jwt', 'tokenVerification', 'algorithms'));
  const [url] = keys;
  if (settings.peek('jwt') === undefined) return;
  if (
    typeof url !== 'string' ||
    !url.startsWith('https://') ||
    issuers.length === 0 ||
    audience === undefined
  )
    settings.leave('jwt', 'write issuer, jwks_uri and audience into trusted_issuers.yaml');
  else for (const issuer of issuers) settings.addIssuer({ issuer, jwks_uri: url, algorithms, audience });
}

function importSubgraph(settings: ForeignSettings, subgraph: ImportedSubgraph): ImportedSubgraph {
  const block: Record<string, unknown> = {};
  const url = settings.take('transportEntries', subgraph.name, 'location');
  const timeout = toMilliseconds(
    settings.take('transportEntries', subgraph.name, 'options', 'timeout') ??
      settings.take('upstreamTimeout'),
  );
  if (timeout !== undefined) block['timeout_ms'] = timeout;
  return { ...subgraph, url: typeof url === 'string' ? url : subgraph.url, settings: block };
}
