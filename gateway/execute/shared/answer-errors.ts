import { ERROR_CODES, type Code } from '@aduana/core/errors/error-codes';
import type { AnswerPath } from './complete-answer.ts';

/** A GraphQL error as the client sees it (GraphQL section 7.1.2): a text of the table, or a subgraph's own where its rule says so. */
export interface AnswerError {
  readonly message: string;
  readonly path: readonly (string | number)[];
  readonly extensions: { readonly code: Code } & Readonly<Record<string, unknown>>;
}

export function createAnswerError(
  code: Code,
  path: AnswerPath,
  extensions: Readonly<Record<string, unknown>> = {},
  message: string = ERROR_CODES[code].text,
): AnswerError {
  return { message, path, extensions: { ...extensions, code } };
}

interface Branch {
  ends: boolean;
  readonly below: Map<string | number, Branch>;
}

/** Tells whether an error explains a null: it lies above it, below it, or at it. */
export function createExplanation(errors: readonly AnswerError[]): (path: AnswerPath) => boolean {
  const root: Branch = { ends: false, below: new Map() };
  for (const { path } of errors) {
    let branch = root;
    for (const key of path) {
      let next = branch.below.get(key);
      if (next === undefined) branch.below.set(key, (next = { ends: false, below: new Map() }));
      branch = next;
    }
    branch.ends = true;
  }
  return (path) => {
    let branch: Branch | undefined = root;
    for (const key of path) {
      if (branch.ends) return true;
      branch = branch.below.get(key);
      if (branch === undefined) return false;
    }
    return true;
  };
}
