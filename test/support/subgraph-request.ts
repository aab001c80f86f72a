import { Secret } from '@aduana/core/secrets/secret';
import type { SubgraphRequest } from '../../gateway/subgraphs/subgraph-fetcher.ts';
import type { Caller } from '../../gateway/stages.ts';

const CALLER = {
  claims: { sub: 'bff', jti: 'a' },
  subjectToken: Secret.of('token'),
  method: 'client_secret_basic',
} as unknown as Caller;

/** A fetch as the executor makes it, of a usual caller. */
export function subgraphRequest(
  given: Pick<SubgraphRequest, 'subgraph'> & Partial<SubgraphRequest>,
): SubgraphRequest {
  return {
    body: '{"query":"{ok}","variables":{}}',
    operationKind: 'query',
    caller: CALLER,
    narrowing: { audience: 'leads', scopes: [], policies: [], join: [] },
    trace: { traceId: '0'.repeat(32), spanId: '0'.repeat(16), sampled: false },
    signal: new AbortController().signal,
    ...given,
  };
}
