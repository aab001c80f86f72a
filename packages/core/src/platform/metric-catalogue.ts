/** How the values of several workers or services become one. */
export type MetricMerge = 'sum' | 'max' | 'min';

/** One metric as Prometheus knows it. */
export interface MetricDescription {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Each label with all its values, or with the words that say what bounds them. `service` is on every metric. */
  readonly labels: Readonly<Record<string, readonly string[] | string>>;
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
  /** Default: `sum`. */
  readonly merge?: MetricMerge;
}

/** From half a millisecond to the longest answer. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const OUTCOMES = ['allowed', 'partial', 'denied', 'failed'];
const SUBGRAPHS = 'the subgraphs of the supergraph';
const SINKS = 'the sinks of SIEM_SINKS, and AUDIT_OBJECT_STORE';

/** Every metric of Aduana; what Node reports of its process is beside them. */
export const METRICS = {
  http_server_request_duration_seconds: {
    kind: 'histogram',
    help: 'How long requests took, until their answer was handed to the connection',
    labels: {
      http_request_method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', '_OTHER'],
      http_route: 'the routes of the service; empty where none fits',
      http_response_status_code: 'the statuses of the table of error codes, 200 and 204',
    },
    buckets: SECONDS,
  },
  graphql_operation_duration_seconds: {
    kind: 'histogram',
    help: 'How long operations took, from their document to their answer',
    labels: {
      graphql_operation_type: ['query', 'mutation', 'subscription', 'unknown'],
      graphql_operation_name: 'the names of the trusted documents; absent for all others',
      outcome: OUTCOMES,
    },
    buckets: SECONDS,
  },
  aduana_subgraph_request_duration_seconds: {
    kind: 'histogram',
    help: 'How long subgraphs took to answer, the wait for a connection included',
    labels: { subgraph: SUBGRAPHS, outcome: ['success', 'error', 'unavailable', 'withdrawn'] },
    buckets: SECONDS,
  },
  aduana_authorization_decisions_total: {
    kind: 'counter',
    help: 'Operations by what was decided of their fields',
    labels: { outcome: ['allowed', 'partial', 'denied'] },
  },
  aduana_requests_refused_total: {
    kind: 'counter',
    help: 'Requests that were refused or failed, by the code of their error',
    labels: { code: 'the table of error codes' },
  },
  aduana_audit_append_duration_seconds: {
    kind: 'histogram',
    help: 'How long audit events took to become durable',
    labels: {},
    buckets: SECONDS,
  },
  aduana_audit_spool_bytes: {
    kind: 'gauge',
    help: 'Size of the audit events that wait on disk for the audit service',
    labels: {},
  },
  aduana_audit_spool_limit_bytes: {
    kind: 'gauge',
    help: 'Size up to which the spool may grow',
    labels: {},
  },
  aduana_audit_held_bytes: {
    kind: 'gauge',
    help: 'Size of the audit events that an audit replica holds for other services until the log takes them',
    labels: {},
  },
  aduana_security_events_total: {
    kind: 'counter',
    help: 'Security event tokens of trusted issuers',
    labels: {
      delivery: ['push', 'poll'],
      result: ['revoked', 'none', 'repeated', 'refused', 'failed'],
    },
  },
  aduana_token_requests_total: {
    kind: 'counter',
    help: 'Requests to the token endpoint',
    labels: {
      grant_type: ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange', 'other'],
      outcome: ['issued', 'refused', 'failed'],
    },
  },
  aduana_signing_key_age_seconds: {
    kind: 'gauge',
    help: 'Age of the signing keys since they began to sign, or since they were made where they never did',
    labels: { state: ['pending', 'active', 'retiring'] },
    merge: 'max',
  },
  aduana_signing_key_rotation_interval_seconds: {
    kind: 'gauge',
    help: 'How long a signing key signs before the next one takes its place; 0: keys are not rotated by themselves',
    labels: {},
    merge: 'max',
  },
  aduana_certificate_expiry_timestamp_seconds: {
    kind: 'gauge',
    help: 'When the certificate of the service expires, in seconds since the epoch',
    labels: {},
    merge: 'min',
  },
  aduana_status_feed_age_seconds: {
    kind: 'gauge',
    help: 'Time since the last successful read of the status feed',
    labels: {},
    merge: 'max',
  },
  aduana_plan_cache_hits_total: {
    kind: 'counter',
    help: 'Operations whose plan was known',
    labels: {},
  },
  aduana_plan_cache_misses_total: {
    kind: 'counter',
    help: 'Operations that had to be planned',
    labels: {},
  },
  aduana_plan_cache_entries: { kind: 'gauge', help: 'Plans that are kept', labels: {} },
  aduana_operations_refused_total: {
    kind: 'counter',
    help: 'Operations for which there was no place',
    labels: {},
  },
  aduana_operations_in_progress: { kind: 'gauge', help: 'Operations under way', labels: {} },
  aduana_operations_waiting: { kind: 'gauge', help: 'Operations that wait for a place', labels: {} },
  aduana_streams_open: { kind: 'gauge', help: 'Open streams', labels: {} },
  aduana_streams_refused_total: {
    kind: 'counter',
    help: 'Streams for which there was no place',
    labels: { limit: ['caller', 'all'] },
  },
  aduana_subgraph_fetches: { kind: 'gauge', help: 'Fetches under way', labels: { subgraph: SUBGRAPHS } },
  aduana_subgraph_fetches_waiting: {
    kind: 'gauge',
    help: 'Fetches that wait for a connection',
    labels: { subgraph: SUBGRAPHS },
  },
  aduana_subgraph_answer_bytes: {
    kind: 'gauge',
    help: 'Memory that answers and events of the subgraph take, in bytes',
    labels: { subgraph: SUBGRAPHS },
  },
  aduana_subgraph_circuit: {
    kind: 'gauge',
    help: 'Whether a subgraph is called: 0 yes (closed), 1 to try (half-open), 2 no (open)',
    labels: { subgraph: SUBGRAPHS },
    merge: 'max',
  },
  aduana_subgraph_circuit_opened_total: {
    kind: 'counter',
    help: 'How often a circuit opened',
    labels: { subgraph: SUBGRAPHS },
  },
  aduana_subgraph_overloads_total: {
    kind: 'counter',
    help: 'Fetches for which there was no place, and answers and events for which there was no room',
    labels: { subgraph: SUBGRAPHS },
  },
  aduana_audit_events_total: {
    kind: 'counter',
    help: 'Audit events by where they went',
    labels: { path: ['direct', 'spooled', 'lost'] },
  },
  aduana_audit_findings_total: {
    kind: 'counter',
    help: 'What the log found about itself',
    labels: { kind: 'the types of audit events that the audit log records of itself' },
  },
  aduana_audit_timestamps_total: {
    kind: 'counter',
    help: 'Time stamps asked for',
    labels: { outcome: ['granted', 'failed'] },
  },
  aduana_audit_minimum_index: {
    kind: 'gauge',
    help: 'Entries of the log below this index are dropped',
    labels: {},
    merge: 'max',
  },
  aduana_audit_log_contradicted: {
    kind: 'gauge',
    help: 'Whether the log contradicts what was signed of it: 1 yes, 0 no',
    labels: {},
    merge: 'max',
  },
  aduana_audit_objects_total: {
    kind: 'counter',
    help: 'Objects that were put into the bucket of AUDIT_OBJECT_STORE, were there already or were removed, and attempts that failed',
    labels: { outcome: ['stored', 'present', 'removed', 'failed'] },
  },
  aduana_sink_dead_letters_total: {
    kind: 'counter',
    help: 'Events that a sink refused for good',
    labels: { sink: SINKS },
  },
  aduana_sink_lag_events: {
    kind: 'gauge',
    help: 'Events that a sink has not acknowledged',
    labels: { sink: SINKS },
    merge: 'max',
  },
  aduana_policies_loaded_seconds: {
    kind: 'gauge',
    help: 'When the policies in force came into force, by their hash',
    labels: { sha256: 'the one policy set in force' },
    merge: 'min',
  },
  aduana_supergraph_loaded_timestamp_seconds: {
    kind: 'gauge',
    help: 'When the supergraph in force came into force, by its hash',
    labels: { sha256: 'the one supergraph in force' },
    merge: 'min',
  },
  aduana_telemetry_dropped_total: {
    kind: 'counter',
    help: 'Spans and exports of metrics that the collector did not take',
    labels: { signal: ['traces', 'metrics'] },
  },
} as const satisfies Readonly<Record<string, MetricDescription>>;

/** The names of the catalogue, all or those of one kind. */
export type MetricName<Kind extends MetricDescription['kind'] = MetricDescription['kind']> = {
  [Name in keyof typeof METRICS]: (typeof METRICS)[Name]['kind'] extends Kind ? Name : never;
}[keyof typeof METRICS];
