/** Execute, at each fetch: the only way from an engine to a subgraph. */

import type { Code } from '@aduana/core/errors/error-codes';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { CancelSignal } from '@aduana/core/platform/cancellation';
import type { Authorized, Narrowing } from '../../stages.ts';
import type { SubgraphFetcher } from '../../subgraphs/subgraph-fetcher.ts';
import type { FetchStep } from './plan-steps.ts';
import { type SubgraphResponse, parseSubgraphResponse } from './subgraph-response.ts';
import type { InFlightRequests } from './in-flight-requests.ts';
import type { CancellationScope } from './cancellation-scope.ts';

/** What of a plan's fetch is sent. */
export type OutgoingFetch = Pick<FetchStep, 'subgraph' | 'query' | 'operationName' | 'operationKind'>;

/** Sends one fetch of a plan; `variables` is the text of the JSON object. */
export type SendFetch = (fetch: OutgoingFetch, variables: string) => Promise<SubgraphResponse>;

/** Of one execution. */
export interface FetchSender {
  readonly fetcher: SubgraphFetcher;
  readonly authorized: Authorized;
  readonly narrowings: ReadonlyMap<string, Narrowing>;
  readonly operation: CancellationScope;
  readonly onCall: (subgraph: string) => void;
}

/** Opens the sender of one execution; its fetches are refused where nothing allows calling the subgraph. */
export type OpenSender = (sender: FetchSender) => SendFetch;

/** @param inFlight where requests for the same answer are shared */
export function createOpenSender(inFlight: InFlightRequests | undefined): OpenSender {
  const { narrowingText, bodyText } = createTexts();
  return ({ fetcher, authorized, narrowings, operation, onCall }) => {
    const { caller, trace } = authorized;
    return (fetch, variables) => {
      const { subgraph, operationKind } = fetch;
      const narrowing = narrowings.get(subgraph);
      if (narrowing === undefined)
        return Promise.reject(
          new SecurityError('INTERNAL_SERVER_ERROR', { detail: `no narrowing for ${subgraph}` }),
        );
      onCall(subgraph);
      const body = bodyText(fetch, variables);
      const send = async (signal: CancelSignal, keep: CancellationScope['keep']) => {
        const sent = { subgraph, body, operationKind, caller, narrowing, trace, signal, keep };
        return parseSubgraphResponse(await fetcher.fetch(sent));
      };
      const sendAlone = () => send(operation.signal, operation.keep);
      if (operationKind === 'mutation') return operation.bound(mutate(inFlight, sendAlone));
      const forwarded = fetcher.forwarded?.(subgraph);
      if (inFlight === undefined || forwarded === undefined) return operation.bound(sendAlone());
      const key = `${subgraph} ${caller.claims.jti} ${narrowingText(narrowing)} ${forwarded} ${body}`;
      return operation.bound(inFlight.share(key, operation, send));
    };
  };
}

/** Who asks during a mutation or after it must not get what was asked before. */
async function mutate(
  inFlight: InFlightRequests | undefined,
  send: () => Promise<SubgraphResponse>,
): Promise<SubgraphResponse> {
  inFlight?.forget();
  try {
    return await send();
  } finally {
    inFlight?.forget();
  }
}

/** Texts of what comes again with each execution of a plan, as long as its caches keep that. */
function createTexts() {
  const narrowings = new WeakMap<Narrowing, string>();
  const heads = new WeakMap<OutgoingFetch, string>();
  return {
    narrowingText(narrowing: Narrowing): string {
      let text = narrowings.get(narrowing);
      if (text === undefined) narrowings.set(narrowing, (text = JSON.stringify(narrowing)));
      return text;
    },
    bodyText(fetch: OutgoingFetch, variables: string): string {
      let head = heads.get(fetch);
      if (head === undefined) {
        const { query, operationName } = fetch;
        const name = operationName === undefined ? '' : `,"operationName":${JSON.stringify(operationName)}`;
        heads.set(fetch, (head = `{"query":${JSON.stringify(query)}${name},"variables":`));
      }
      return `${head}${variables}}`;
    },
  };
}

/** The code that the client sees of a fetch that failed. */
export function publicFailure(error: unknown): Code {
  const code = error instanceof SecurityError ? error.code : undefined;
  switch (code) {
    case 'SUBGRAPH_UNAVAILABLE':
    case 'SUBGRAPH_ERROR':
    case 'SUBGRAPH_UNREGISTERED':
    case 'STS_UNAVAILABLE':
    case 'STATUS_UNAVAILABLE':
    case 'OVERLOADED':
    case 'RATE_LIMITED':
      return code;
    case 'OPERATION_TIMEOUT':
      return 'SUBGRAPH_UNAVAILABLE';
    default:
      return 'INTERNAL_SERVER_ERROR';
  }
}
