import { SecurityError } from '@aduana/core/errors/security-error';
import type { Code } from '@aduana/core/errors/error-codes';
import type { SubgraphFetcher } from '../subgraph-fetcher.ts';
import type { Authorized, Narrowing } from '../stages.ts';
import type { FetchStep } from './compile-plan.ts';
import { getOwn, isJsonObject, type JsonObject } from './own-property.ts';

/** What a subgraph answered, in a form that holds: `data` is an object or nothing came. */
export interface FetchedAnswer {
  readonly data: JsonObject | undefined;
  readonly errors: readonly unknown[];
}

/** What of a plan's fetch is sent. */
export type OutgoingFetch = Pick<FetchStep, 'subgraph' | 'query' | 'operationName' | 'operationKind'>;

/** Sends one fetch of a plan; `variables` is the text of the JSON object. */
export type SendFetch = (fetch: OutgoingFetch, variables: string) => Promise<FetchedAnswer>;

export interface FetchSender {
  readonly fetcher: SubgraphFetcher;
  readonly authorized: Authorized;
  readonly narrowings: ReadonlyMap<string, Narrowing>;
  readonly signal: AbortSignal;
  readonly onCall: (subgraph: string) => void;
}

/** @throws SecurityError where the subgraph did not answer in GraphQL's form, or nothing allows calling it */
export function createSendFetch({ fetcher, authorized, narrowings, signal, onCall }: FetchSender): SendFetch {
  return async (step, variables) => {
    const narrowing = narrowings.get(step.subgraph);
    if (narrowing === undefined)
      throw new SecurityError('INTERNAL_SERVER_ERROR', { detail: `no narrowing for ${step.subgraph}` });
    onCall(step.subgraph);
    const answer: unknown = await untilAborted(
      signal,
      fetcher.fetch({
        subgraph: step.subgraph,
        body: `{"query":${JSON.stringify(step.query)}${operationName(step)},"variables":${variables}}`,
        operationKind: step.operationKind,
        caller: authorized.caller,
        narrowing,
        trace: authorized.trace,
        signal,
      }),
    );
    return readAnswer(answer);
  };
}

/** Takes a subgraph's answer apart; nothing about it is trusted. */
export function readAnswer(answer: unknown): FetchedAnswer {
  if (!isJsonObject(answer))
    throw new SecurityError('SUBGRAPH_ERROR', { detail: 'the answer is not an object' });
  const data = getOwn(answer, 'data') ?? undefined;
  const errors = getOwn(answer, 'errors') ?? [];
  if (!Array.isArray(errors)) throw new SecurityError('SUBGRAPH_ERROR', { detail: 'errors is not a list' });
  if (data !== undefined && !isJsonObject(data))
    throw new SecurityError('SUBGRAPH_ERROR', { detail: 'data is not an object' });
  if (data === undefined && errors.length === 0)
    throw new SecurityError('SUBGRAPH_ERROR', { detail: 'neither data nor errors' });
  return { data, errors };
}

/** The code that the client sees of a fetch that failed. */
export function publicFailure(error: unknown): Code {
  const code = error instanceof SecurityError ? error.code : undefined;
  switch (code) {
    case 'SUBGRAPH_UNAVAILABLE':
    case 'SUBGRAPH_ERROR':
    case 'STS_UNAVAILABLE':
    case 'STATUS_UNAVAILABLE':
    case 'OVERLOADED':
      return code;
    case 'OPERATION_TIMEOUT':
      return 'SUBGRAPH_UNAVAILABLE';
    default:
      return 'INTERNAL_SERVER_ERROR';
  }
}

function operationName(step: OutgoingFetch): string {
  return step.operationName === undefined ? '' : `,"operationName":${JSON.stringify(step.operationName)}`;
}

/** Waits no longer than the operation lives, whatever the fetcher makes of its signal. */
function untilAborted<Value>(signal: AbortSignal, pending: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal.reason as Error);
    };
    const settle = () => {
      signal.removeEventListener('abort', abort);
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    pending.then(resolve, reject).finally(settle);
  });
}
