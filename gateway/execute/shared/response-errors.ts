/** Execute, every engine: the entries of `errors` in the answer, and which of them explains a null. */

import { ERROR_CODES, type Code } from '@aduana/core/errors/error-codes';
import type { ResponsePosition } from './complete-response.ts';

/** A GraphQL error as the client sees it (GraphQL section 7.1.2): a text of the table, or a subgraph's own where its rule says so. */
export interface ResponseError {
  readonly message: string;
  readonly path: readonly (string | number)[];
  readonly extensions: { readonly code: Code } & Readonly<Record<string, unknown>>;
}

/** What an answer has room for: an error is one for each place that it belongs to, and a subgraph may send many of many. */
export const MOST_ERRORS = 300_000;

/** @param message default: the text of the code in the table of errors */
export function createResponseError(
  code: Code,
  path: ResponsePosition,
  extensions: Readonly<Record<string, unknown>> = {},
  message: string = ERROR_CODES[code].text,
): ResponseError {
  return { message, path, extensions: { ...extensions, code } };
}

/** One key of the errors' paths. */
interface PathNode {
  /** Whether an error's path ends here. */
  hasError: boolean;
  readonly children: Map<string | number, PathNode>;
}

/** Whether an error explains the null at a path: its own path leads above it, below it or to it. */
export function createExplanation(errors: readonly ResponseError[]): (path: ResponsePosition) => boolean {
  const root: PathNode = { hasError: false, children: new Map() };
  for (const { path } of errors) {
    let node = root;
    for (const key of path) {
      let next = node.children.get(key);
      if (next === undefined) node.children.set(key, (next = { hasError: false, children: new Map() }));
      node = next;
    }
    node.hasError = true;
  }
  return (path) => {
    let node: PathNode | undefined = root;
    for (const key of path) {
      if (node.hasError) return true;
      node = node.children.get(key);
      if (node === undefined) return false;
    }
    return true;
  };
}
