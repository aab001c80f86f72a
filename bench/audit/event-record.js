/** What a gateway records of an ordinary query. */
export const RECORD = {
  type: 'request',
  class_uid: 6003,
  outcome: 'ALLOWED',
  actor: {
    sub: 'bff',
    client_id: 'bff',
    act: [],
    auth_method: 'client_secret_basic',
    cert_thumbprint: 'F_kFoqIB67lM7ebgohPJ1VCjtnvEgHMKcmAIMUjlPH8',
  },
  request: {
    operation_name: 'Leads',
    document_sha256: 'f'.repeat(64),
    fields: ['Query.leads', 'Lead.company', 'Lead.score'],
    subgraphs: ['leads'],
  },
  policy: { rule: null, sha256: 'a'.repeat(64) },
  trace: { trace_id: `${'0'.repeat(31)}1`, span_id: '0'.repeat(16) },
  detail: { source_address: '127.0.0.1', operation_kind: 'query' },
};

/** The `n`th event of a boot, as a gateway posts it. */
export function eventOf(n, id) {
  const time = new Date(1_767_225_600_000 + n).toISOString();
  return { v: 1, id, time, source: { instance: 'gateway@1', boot_id: 'bench', n }, ...RECORD };
}
