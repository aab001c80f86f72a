import { loadConfig } from '@aduana/server-kit/config/load-config';
import { GATEWAY_SETTINGS } from '../../gateway/config.ts';
import { RequestErrors } from '../../gateway/documents/request-errors.ts';
import { createValidate } from '../../gateway/documents/validate.ts';
import type { GraphqlRequest } from '../../gateway/http/graphql-request.ts';
import { createDocumentLimits } from '../../gateway/limits/document-limits.ts';
import type { LoadedSupergraph } from '../../gateway/supergraph/loaded-supergraph.ts';
import { validatedOf } from './guarded-federation.ts';

/** What became of a document: a code, and what was told of it. */
export interface DocumentVerdict {
  readonly code: string;
  readonly status?: number;
  readonly messages?: readonly string[];
}

/** Takes documents as a gateway with these variables of its environment would; caches are cold each time. */
export function createDocumentCheck(
  supergraph: LoadedSupergraph,
  environment: Readonly<Record<string, string>> = {},
): (query: string, variables?: Readonly<Record<string, unknown>>) => DocumentVerdict {
  const settings = loadConfig(GATEWAY_SETTINGS, environment);
  return (query, variables = {}) => {
    const validate = createValidate(settings.LIMIT_TOKENS, createDocumentLimits(settings));
    const { caller, trace } = validatedOf({ document: '{ a }', caller: NOBODY });
    const request: GraphqlRequest = {
      query,
      variables,
      operationName: undefined,
      extensions: {},
      queriesOnly: false,
      values: 0,
    };
    try {
      void validate({ stage: 'delegated', caller, trace }, request, supergraph, () => supergraph.apiSchema);
      return { code: 'VALID' };
    } catch (error) {
      if (error instanceof RequestErrors)
        return { code: error.code, status: 400, messages: error.errors.map(({ message }) => message) };
      const { code, status } = error as { code?: unknown; status?: number };
      if (typeof code !== 'string' || status === undefined) throw error;
      return { code, status };
    }
  };
}

const NOBODY = { authenticated: true, scopes: [], policies: [] };
