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
import { toAlgorithms, toHeaderName, toOrigins } from './foreign-values.ts';
import { importSubscriptions, SUBSCRIPTION_REASONS } from './import-subscriptions.ts';

/** Why members of a router's configuration have no counterpart, by the start of their path. */
const REASONS: Readonly<Record<string, string>> = {
  csrf: 'cross-site requests are refused always',
  homepage: 'the plain HTTP port shows Apollo Sandbox at `/`',
  'supergraph.path': 'GraphQL is served at /graphql',
  'supergraph.defer_support': '@defer is always served, in parts to clients that accept them',
  'supergraph.query_planning': 'plans are cached within fixed bounds',
  'cors.allow_credentials': 'there are no cookies: callers send an Authorization header',
  'cors.allow_headers': 'headers that a GraphQL client needs are allowed for the listed origins',
  'cors.methods': 'GET, POST and OPTIONS are what GraphQL over HTTP needs',
  tls: 'certificates are read from CERTS_DIR: put gateway.crt, gateway.key and ca.crt there',
  'authentication.subgraph': 'each subgraph gets a token of its own over mTLS',
  'authorization.require_authentication': 'every caller is authenticated always',
  'limits.max_height': 'LIMIT_TOKENS, LIMIT_DEPTH and LIMIT_COST bound a document',
  'limits.parser_max_recursion': 'the depth of a document is bounded by LIMIT_DEPTH',
  'limits.warn_only': 'limits are enforced; AUTHORIZATION_MODE=dry_run concerns authorization alone',
  health_check: 'set HEALTH_PORT for probes over plain HTTP',
  telemetry: 'set the standard OTEL_* variables and METRICS_PORT',
  coprocessor: 'code outside the gateway does not decide; say it in policies',
  rhai: 'scripts are not run; say it in policies and header rules',
  plugins: 'plugins are not loaded',
  ...SUBSCRIPTION_REASONS,
  apollo: 'nothing is reported to GraphOS',
  'persisted_queries.safelist': 'set TRUSTED_DOCUMENTS to a manifest to admit listed operations alone',
  'traffic_shaping.router.global_rate_limit': 'set RATE_LIMIT_PER_MINUTE, which counts per caller',
};

/** The configuration of an Apollo Router (`router.yaml`). */
export const APOLLO_ROUTER: ForeignGateway = {
  reasons: REASONS,
  paths: { tls: ['tls', 'supergraph'], port: ['supergraph', 'listen'] },
  readGateway(settings) {
    importListener(settings);
    importLimits(settings);
    importIssuers(settings);
  },
  readSubgraph: importSubgraph,
  readRest(settings, subgraphs) {
    for (const section of ['headers', 'traffic_shaping', 'include_subgraph_errors'])
      for (const name of settings.names(section, 'subgraphs'))
        if (!subgraphs.some((subgraph) => subgraph.name === name)) {
          settings.take(section, 'subgraphs', name);
          settings.leave(`${section}.subgraphs.${name}`, 'the supergraph has no such subgraph');
        }
    settings.take('headers', 'all', 'request');
    settings.take('traffic_shaping', 'all', 'timeout');
    settings.take('include_subgraph_errors', 'all');
  },
};

function importListener(settings: ForeignSettings): void {
  settings.toVariable('INTROSPECTION', toSwitch('filtered', 'off'), 'supergraph', 'introspection');
  settings.toVariable('EXPLORER', toSwitch('on', 'off'), 'sandbox', 'enabled');
  settings.toVariable('ALLOWED_ORIGINS', toOrigins, 'cors', 'origins');
  const policies = asItems(settings.take('cors', 'policies')).flatMap((policy) =>
    asTexts(asMembers(policy)['origins']),
  );
  if (policies.length > 0)
    settings.leave('cors.policies', `set ALLOWED_ORIGINS=${policies.join(',')} if all of them may call`);
  if (settings.take('cors', 'allow_any_origin') === true)
    settings.leave('cors.allow_any_origin', 'list the origins that may call in ALLOWED_ORIGINS');
  if (settings.take('cors', 'match_origins') !== undefined)
    settings.leave('cors.match_origins', 'patterns are not accepted: list the origins in ALLOWED_ORIGINS');
  settings.toVariable('PERSISTED_QUERIES', toSwitch('on', 'off'), 'apq', 'enabled');
  settings.toVariable(
    'AUTHORIZATION_MODE',
    (value) => (value === true ? 'dry_run' : value === false ? 'filter' : undefined),
    'authorization',
    'directives',
    'dry_run',
  );
  settings.toVariable(
    'AUTHORIZATION_MODE',
    (value) => (value === true ? 'reject' : value === false ? 'filter' : undefined),
    'authorization',
    'directives',
    'reject_unauthorized',
  );
  settings.toVariable(
    'REFUSALS',
    (value) =>
      value === 'disabled' ? 'none' : value === 'errors' || value === 'extensions' ? value : undefined,
    'authorization',
    'directives',
    'errors',
    'response',
  );
  if (settings.take('authorization', 'directives', 'enabled') === false)
    settings.leave('authorization.directives.enabled', 'directives are enforced always');
}

function importLimits(settings: ForeignSettings): void {
  settings.toVariable('LIMIT_DEPTH', toCount, 'limits', 'max_depth');
  settings.toVariable('LIMIT_ALIASES', toCount, 'limits', 'max_aliases');
  settings.toVariable('LIMIT_ROOT_FIELDS', toCount, 'limits', 'max_root_fields');
  settings.toVariable('LIMIT_TOKENS', toCount, 'limits', 'parser_max_tokens');
  settings.toVariable('LIMIT_BODY_BYTES', toCount, 'limits', 'http_max_request_bytes');
  const cost = ['demand_control', 'strategy', 'static_estimated'] as const;
  settings.toVariable('LIMIT_COST', toCount, ...cost, 'max');
  settings.toVariable('LIST_SIZE', toCount, ...cost, 'list_size');
  settings.take('demand_control', 'enabled');
  if (settings.take('demand_control', 'mode') === 'measure')
    settings.leave('demand_control.mode', 'the cost is enforced, not only measured');
  settings.toVariable(
    'OPERATION_TIMEOUT_MS',
    (value) => toCount(toMilliseconds(value)),
    'traffic_shaping',
    'router',
    'timeout',
  );
  settings.toVariable('SHARE_IN_FLIGHT', toSwitch('on', 'off'), 'traffic_shaping', 'deduplicate_query');
  settings.toVariable(
    'SHARE_IN_FLIGHT',
    toSwitch('on', 'off'),
    'traffic_shaping',
    'all',
    'deduplicate_query',
  );
  if (settings.take('batching', 'enabled') === true)
    settings.toVariable('LIMIT_BATCH', toCount, 'batching', 'maximum_size');
  settings.take('batching', 'mode');
}

function importIssuers(settings: ForeignSettings): void {
  asItems(settings.take('authentication', 'router', 'jwt', 'jwks')).forEach((entry, index) => {
    const at = `authentication.router.jwt.jwks.${String(index)}`;
    const { url, issuer, issuers, audiences, algorithms } = asMembers(entry);
    const names = asTexts(issuers ?? issuer);
    const [audience, ...others] = asTexts(audiences);
    if (typeof url !== 'string' || !url.startsWith('https://'))
      settings.leave(at, 'keys are read over https: name a URL in trusted_issuers.yaml');
    else if (names.length === 0 || audience === undefined)
      settings.leave(
        at,
        `write issuer and audience of the tokens signed by ${url} into trusted_issuers.yaml`,
      );
    else {
      for (const name of names)
        settings.addIssuer({ issuer: name, jwks_uri: url, algorithms: toAlgorithms(algorithms), audience });
      if (others.length > 0) settings.leave(`${at}.audiences`, 'an issuer has one audience: the first');
    }
  });
}

function importSubgraph(settings: ForeignSettings, subgraph: ImportedSubgraph): ImportedSubgraph {
  const { name } = subgraph;
  const block: Record<string, unknown> = {};
  const timeout =
    settings.take('traffic_shaping', 'subgraphs', name, 'timeout') ??
    settings.peek('traffic_shaping', 'all', 'timeout');
  const milliseconds = toMilliseconds(timeout);
  if (milliseconds !== undefined) block['timeout_ms'] = milliseconds;
  const errors =
    settings.take('include_subgraph_errors', 'subgraphs', name) ??
    settings.peek('include_subgraph_errors', 'all');
  if (errors === true) block['errors'] = 'messages';
  else if (errors !== undefined && errors !== false)
    settings.leave(
      `include_subgraph_errors.subgraphs.${name}`,
      'errors are masked or let through as a whole',
    );
  addHeaderRules(settings, name, block);
  const subscriptions = importSubscriptions(settings, name);
  if (subscriptions !== undefined) block['subscriptions'] = subscriptions;
  const url = settings.take('override_subgraph_url', name);
  return { ...subgraph, url: typeof url === 'string' ? url : subgraph.url, settings: block };
}

/** Whether the value of a header is in the file and should not be: `${VARIABLES}` are none. */
function isSecret(name: string, value: string): boolean {
  return /key|token|secret|password|credential/i.test(name) && !value.startsWith('${');
}

/** The rules for all subgraphs first, then the subgraph's own, as the router applies them. */
function addHeaderRules(settings: ForeignSettings, subgraph: string, block: Record<string, unknown>): void {
  const names = new Set<string>();
  const renamed: Record<string, string> = {};
  const set: Record<string, unknown> = {};
  const rules = [
    ...asItems(settings.peek('headers', 'all', 'request')).map(
      (rule) => ['headers.all.request', rule] as const,
    ),
    ...asItems(settings.take('headers', 'subgraphs', subgraph, 'request')).map(
      (rule) => [`headers.subgraphs.${subgraph}.request`, rule] as const,
    ),
  ];
  for (const [at, rule] of rules) {
    const { propagate, insert, remove } = asMembers(rule);
    const { named, rename, matching } = asMembers(propagate);
    const { name, value } = asMembers(insert);
    const { named: removed } = asMembers(remove);
    if (typeof removed === 'string') {
      names.delete(removed.toLowerCase());
      Reflect.deleteProperty(set, removed.toLowerCase());
    } else if (typeof named === 'string') {
      const from = toHeaderName(named);
      const to = typeof rename === 'string' ? toHeaderName(rename) : from;
      if (from === undefined || to === undefined)
        settings.leave(
          `${at}: ${named}`,
          'only the gateway sets this header: a subgraph gets a token of its own',
        );
      else if (from === to) names.add(from);
      else renamed[from] = to;
    } else if (typeof name === 'string' && typeof value === 'string' && isSecret(name, value))
      settings.leave(
        `${at}: ${name}`,
        'its value looks like a secret: set it under aduana.set_headers as ${VARIABLE}, and the variable in the environment',
      );
    else if (typeof name === 'string' && typeof value === 'string' && toHeaderName(name) !== undefined)
      set[name.toLowerCase()] = { value };
    else
      settings.leave(
        at,
        typeof matching === 'string'
          ? `headers are passed by name: list those that match ${matching} under aduana.headers`
          : 'a rule that is not propagate by name, insert of a value, or remove by name',
      );
  }
  if (names.size > 0) block['headers'] = [...names];
  if (Object.keys(renamed).length > 0) block['rename_headers'] = renamed;
  if (Object.keys(set).length > 0) block['set_headers'] = set;
}
