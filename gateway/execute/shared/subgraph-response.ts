/** Execute, at each response: the form of what a subgraph sends back is checked. */

import { SecurityError } from '@aduana/core/errors/security-error';
import { getOwn, isJsonObject, type JsonObject } from './json-object.ts';
import type { ProgramState } from './program-state.ts';

/** What a subgraph answered, in a form that holds: `data` is an object or nothing came. */
export interface SubgraphResponse {
  readonly data: JsonObject | undefined;
  readonly errors: readonly unknown[];
  /** What the first run of a plan found out from it, for those who were given the same answer. */
  found?: { readonly program: object; readonly layer: readonly unknown[]; readonly state: ProgramState };
}

/** Takes a subgraph's answer apart; nothing about it is trusted. */
export function parseSubgraphResponse(answer: unknown): SubgraphResponse {
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
