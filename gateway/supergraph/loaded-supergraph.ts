import { SecurityError } from '@aduana/core/errors/security-error';
import type { Requirements } from '@aduana/subgraph/graphql/requirements';
import type { Supergraph } from '@apollo/federation-internals';
import type { GraphQLSchema } from 'graphql';
import type { Account } from '../limits/miss-budget.ts';
import type { PlannableSupergraph } from '../planner/plan.ts';
import { NO_HEADERS } from './header-rules.ts';
import { DEFAULT_LOAD } from './subgraph-load.ts';
import { DEFAULT_SUBSCRIPTIONS } from './subscription-settings.ts';
import type { SubgraphSettings } from './supergraph-config.ts';

/** Where a subgraph answers, and how it is called; `audience` is its id in service_identities.yaml. */
export type LoadedSubgraph = Omit<SubgraphSettings, 'schema'>;

/** One supergraph in force: everything in it belongs together and never changes. */
export interface LoadedSupergraph extends PlannableSupergraph {
  /** SHA-256 of the SDL, hex. */
  readonly hash: string;
  /** Without the security features. */
  readonly sdl: string;
  /** What clients may know. */
  readonly apiSchema: GraphQLSchema;
  readonly requirements: Requirements;
  readonly subgraphs: ReadonlyMap<string, LoadedSubgraph>;
  /** For Apollo's own executor, built when first asked for. */
  readonly federation: () => Promise<Supergraph>;
  /** Validates in another thread; undefined where there is none. */
  readonly findErrors?: FindErrors | undefined;
}

/** What is wrong with a document, in the words of graphql-js. */
export interface FoundError {
  readonly message: string;
  /** Offsets in the document's text. */
  readonly positions?: readonly number[] | undefined;
}

/** @throws SecurityError `RATE_LIMITED`, `OVERLOADED`, `LIMIT_PLANNING_EXCEEDED` */
export type FindErrors = (
  text: string,
  maxErrors: number,
  account: Account,
  /** Another schema than the one for clients. */
  view?: GraphQLSchema,
) => Promise<readonly FoundError[]>;

const DEFAULT_TIMEOUT_MS = 5_000;

/** The same result, or the same failure, each time. */
export function once<Value>(create: () => Value): () => Value {
  let made: { readonly value: Value } | { readonly error: unknown } | undefined;
  return () => {
    try {
      made ??= { value: create() };
    } catch (error) {
      made = { error };
    }
    if ('error' in made) throw made.error;
    return made.value;
  };
}

/** @throws SecurityError `SUPERGRAPH_INVALID` where a subgraph has no usable URL */
export function withSettings(
  urls: ReadonlyMap<string, string>,
  settings: ReadonlyMap<string, SubgraphSettings>,
): ReadonlyMap<string, LoadedSubgraph> {
  return new Map(
    [...urls].map(([name, url]) => {
      const known = settings.get(name);
      const subgraph: LoadedSubgraph = {
        name,
        url: requireUrl(name, known?.url ?? url),
        audience: known?.audience ?? name,
        headers: known?.headers ?? NO_HEADERS,
        errors: known?.errors ?? 'masked',
        timeoutMs: known?.timeoutMs ?? DEFAULT_TIMEOUT_MS,
        clientCertificate: known?.clientCertificate ?? true,
        load: known?.load ?? DEFAULT_LOAD,
        subscriptions: known?.subscriptions ?? DEFAULT_SUBSCRIPTIONS,
      };
      return [name, subgraph];
    }),
  );
}

function requireUrl(name: string, url: string): string {
  if (URL.canParse(url)) return url;
  throw new SecurityError('SUPERGRAPH_INVALID', { detail: `The subgraph ${name} has no usable URL` });
}
