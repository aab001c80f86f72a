/** Execute, before each fetch: the `variables` member of the request to a subgraph. */

import { clientVariable } from '../../planner/planner-workarounds.ts';
import { getOwn, type JsonObject, setOwn } from './json-object.ts';

/**
 * The JSON text of a fetch's variables: the client's that it uses, those of `more`, and lists of representations that
 * are texts already. An explicit null is sent; what is absent is not.
 */
export function serializeVariables(
  usages: readonly string[],
  client: Readonly<JsonObject>,
  representations: readonly (readonly [name: string, texts: Iterable<string>])[],
  more: Readonly<JsonObject> = {},
): string {
  const variables: JsonObject = { ...more };
  for (const name of usages) {
    const value = getOwn(client, clientVariable(name));
    if (value !== undefined) setOwn(variables, name, value);
  }
  const members = JSON.stringify(variables).slice(1, -1);
  const lists = representations.map(([name, texts]) => `"${name}":[${[...texts].join(',')}]`);
  return `{${(members === '' ? lists : [members, ...lists]).join(',')}}`;
}
