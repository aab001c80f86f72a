/** What is exposed only where there are sinks, retention, time stamps, or something has happened. */
export const NOT_IN_EVERY_DEPLOYMENT: readonly string[] = [
  'aduana_security_events_total', // where an issuer sends them
  'aduana_audit_findings_total',
  'aduana_audit_minimum_index',
  'aduana_audit_objects_total', // where the log is published into a bucket
  'aduana_audit_timestamps_total',
  'aduana_sink_dead_letters_total',
  'aduana_sink_lag_events',
  'aduana_streams_refused_total',
  'aduana_subgraph_circuit_opened_total',
  'aduana_subgraph_overloads_total',
  'aduana_telemetry_dropped_total',
];
/** Labels of metrics whose names look like those of metrics. */
export const LABELS: ReadonlySet<string> = new Set(['graphql_operation_type']);
/** What spans may carry: nothing that a client or a secret chooses. */
export const KNOWN_ATTRIBUTES: ReadonlySet<string> = new Set([
  'aduana.audit_id',
  'aduana.error.code',
  'aduana.outcome',
  'aduana.subgraph.name',
  'error.type',
  'graphql.operation.name',
  'graphql.operation.type',
  'http.request.method',
  'http.response.status_code',
  'http.route',
  'server.address',
  'server.port',
]);
