import { SecurityError } from '@aduana/core/errors/security-error';
import { GraphQLError } from 'graphql';

/** Why a supergraph was not made. */
export interface CompositionProblem {
  /** A coordinate, a file, a line or a code; empty where none is known. */
  readonly where: string;
  readonly problem: string;
}

export function problemOf(error: unknown): CompositionProblem {
  if (error instanceof SecurityError) return { where: '', problem: error.detail ?? error.message };
  if (error instanceof GraphQLError) {
    const code = error.extensions['code'];
    const [line] = error.locations ?? [];
    const where = line === undefined ? (typeof code === 'string' ? code : '') : String(line.line);
    return { where, problem: error.message };
  }
  return { where: '', problem: error instanceof Error ? error.message : 'failed' };
}
