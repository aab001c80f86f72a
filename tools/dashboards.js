/** What each dashboard shows, row by row, of the metric catalogue. */
const DASHBOARDS = {
  'aduana-gateway': {
    title: 'Aduana: gateway',
    rows: {
      Requests: ['http_server_request_duration_seconds', 'aduana_requests_refused_total'],
      Operations: [
        'graphql_operation_duration_seconds',
        'aduana_authorization_decisions_total',
        'aduana_operations_in_progress',
        'aduana_operations_waiting',
        'aduana_operations_refused_total',
      ],
      Streams: ['aduana_streams_open', 'aduana_streams_refused_total'],
      Plans: ['aduana_plan_cache_hits_total', 'aduana_plan_cache_misses_total', 'aduana_plan_cache_entries'],
      Subgraphs: [
        'aduana_subgraph_request_duration_seconds',
        'aduana_subgraph_circuit',
        'aduana_subgraph_circuit_opened_total',
        'aduana_subgraph_fetches',
        'aduana_subgraph_fetches_waiting',
        'aduana_subgraph_overloads_total',
        'aduana_subgraph_answer_bytes',
      ],
    },
  },
  'aduana-trust': {
    title: 'Aduana: tokens, keys, certificates, policies',
    rows: {
      Tokens: ['aduana_token_requests_total', 'aduana_security_events_total'],
      'Keys and certificates': [
        'aduana_signing_key_age_seconds',
        'aduana_signing_key_rotation_interval_seconds',
        'aduana_certificate_expiry_timestamp_seconds',
      ],
      'What is in force': [
        'aduana_status_feed_age_seconds',
        'aduana_policies_loaded_seconds',
        'aduana_supergraph_loaded_timestamp_seconds',
      ],
    },
  },
  'aduana-audit': {
    title: 'Aduana: audit log',
    rows: {
      Events: ['aduana_audit_events_total', 'aduana_audit_append_duration_seconds'],
      Spool: ['aduana_audit_spool_bytes', 'aduana_audit_spool_limit_bytes', 'aduana_audit_held_bytes'],
      Integrity: [
        'aduana_audit_log_contradicted',
        'aduana_audit_findings_total',
        'aduana_audit_timestamps_total',
        'aduana_audit_minimum_index',
      ],
      Sinks: ['aduana_sink_lag_events', 'aduana_sink_dead_letters_total', 'aduana_audit_objects_total'],
      Telemetry: ['aduana_telemetry_dropped_total'],
    },
  },
};
const SOURCE = { type: 'prometheus', uid: '${datasource}' };
const PANEL = { w: 8, h: 8 };
const COLUMNS = 3;
/** By which a graph draws lines of its own; the others are summed. */
const DRAWN = [
  'outcome',
  'code',
  'subgraph',
  'sink',
  'path',
  'kind',
  'state',
  'grant_type',
  'signal',
  'limit',
];

/** Dashboards by file name; every metric of the catalogue is on exactly one. */
export function createDashboards(metrics) {
  const shown = Object.values(DASHBOARDS).flatMap(({ rows }) => Object.values(rows).flat());
  const missing = Object.keys(metrics).filter((name) => !shown.includes(name));
  const unknown = shown.filter((name) => !(name in metrics));
  if (missing.length + unknown.length > 0)
    throw new Error(`not on a dashboard: ${missing.join(' ')}; not in the catalogue: ${unknown.join(' ')}`);
  return new Map(Object.entries(DASHBOARDS).map(([uid, one]) => [uid, createDashboard(uid, one, metrics)]));
}

function createDashboard(uid, { title, rows }, metrics) {
  const panels = [];
  let y = 0;
  const add = (panel, gridPos) => panels.push({ id: panels.length + 1, gridPos, ...panel });
  for (const [row, names] of Object.entries(rows)) {
    add({ type: 'row', title: row, collapsed: false, panels: [] }, { x: 0, y, w: 24, h: 1 });
    y += 1;
    const drawn = names.flatMap((name) => panelsOf(name, metrics[name]));
    drawn.forEach((panel, at) => {
      const place = { x: (at % COLUMNS) * PANEL.w, y: y + Math.floor(at / COLUMNS) * PANEL.h };
      add(panel, { ...place, ...PANEL });
    });
    y += Math.ceil(drawn.length / COLUMNS) * PANEL.h;
  }
  return {
    uid,
    title,
    tags: ['aduana'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    timezone: '',
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    templating: { list: [datasourceVariable(), serviceVariable()] },
    panels,
  };
}

function datasourceVariable() {
  return { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', hide: 0 };
}

function serviceVariable() {
  return {
    name: 'service',
    label: 'Service',
    type: 'query',
    datasource: SOURCE,
    query: { query: 'label_values(aduana_certificate_expiry_timestamp_seconds, service)', refId: 'service' },
    refresh: 2,
    includeAll: true,
    allValue: '.*',
    multi: true,
    current: { text: 'All', value: '$__all' },
  };
}

function panelsOf(name, { kind, help, labels }) {
  const by = Object.keys(labels).filter((label) => DRAWN.includes(label));
  const legend = ['service', ...by].map((label) => `{{${label}}}`).join(' ');
  const selected = (metric) => `${metric}{service=~"$service"}`;
  const grouped = (...more) => ['service', ...by, ...more].join(', ');
  const graph = (title, expr, unit) => panel(title, help, expr, legend, unit);
  if (kind === 'counter')
    return [graph(name, `sum by (${grouped()}) (rate(${selected(name)}[$__rate_interval]))`, 'ops')];
  if (kind === 'gauge') return [graph(name, gaugeQuery(name, grouped(), selected), unitOf(name))];
  const rates = (suffix, by) => `sum by (${by}) (rate(${selected(name + suffix)}[$__rate_interval]))`;
  return [
    graph(`${name}: per second`, rates('_count', grouped()), 'ops'),
    graph(`${name}: median`, `histogram_quantile(0.5, ${rates('_bucket', grouped('le'))})`, 's'),
    graph(`${name}: 99 %`, `histogram_quantile(0.99, ${rates('_bucket', grouped('le'))})`, 's'),
  ];
}

/** What is a point in time is shown as the time until then, or since. */
function gaugeQuery(name, by, selected) {
  if (name.includes('_expiry_')) return `min by (${by}) (${selected(name)}) - time()`;
  if (name.includes('_loaded_')) return `time() - max by (${by}) (${selected(name)})`;
  return `max by (${by}) (${selected(name)})`;
}

function unitOf(name) {
  if (name.endsWith('_seconds')) return 's';
  return name.endsWith('_bytes') ? 'bytes' : 'none';
}

function panel(title, description, expr, legendFormat, unit) {
  return {
    type: 'timeseries',
    title,
    description,
    datasource: SOURCE,
    targets: [{ refId: 'A', datasource: SOURCE, expr, legendFormat }],
    fieldConfig: { defaults: { unit }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
  };
}
