import { SecurityError } from '@aduana/core/errors/security-error';
import type { Requirements } from '@aduana/core/graphql/requirements';
import { sha256Hex } from '@aduana/core/platform/digest';
import { DEFAULT_SUPPORTED_SUPERGRAPH_FEATURES, Supergraph } from '@apollo/federation-internals';
import { type QueryPlan, QueryPlanner } from '@apollo/query-planner';
import type { GraphQLSchema } from 'graphql';
import { stripUnresolvableKeys } from '../pipeline/rewrite/planner-workarounds.ts';
import { separateRequires } from '../pipeline/rewrite/separate-requires.ts';
import { type HeaderRules, NO_HEADERS } from './header-rules.ts';
import { splitSupergraph } from './split-supergraph.ts';
import { DEFAULT_LOAD, type SubgraphLoad } from './subgraph-load.ts';
import type { SubgraphSettings } from './supergraph-config.ts';

/** Where a subgraph answers, and how it is called. */
export interface LoadedSubgraph {
  readonly name: string;
  readonly url: string;
  /** Its id in service_identities.yaml. */
  readonly audience: string;
  readonly headers: HeaderRules;
  /** What of its errors reaches clients: codes of the house, or their messages as well. */
  readonly errors: 'masked' | 'messages';
  readonly timeoutMs: number;
  readonly clientCertificate: boolean;
  readonly load: SubgraphLoad;
}

/** One supergraph in force: everything in it belongs together and never changes. */
export interface LoadedSupergraph {
  /** SHA-256 of the SDL, hex. */
  readonly hash: string;
  /** Without the security features. */
  readonly sdl: string;
  /** What clients may know. */
  readonly apiSchema: GraphQLSchema;
  /** With inaccessible elements and `@join__*`. */
  readonly supergraphSchema: GraphQLSchema;
  /** As the planner has it. */
  readonly supergraph: Supergraph;
  readonly queryPlanner: QueryPlanner;
  /** Makes of a plan of the planner one over `supergraphSchema`. */
  readonly restorePlan: (plan: QueryPlan) => QueryPlan;
  readonly requirements: Requirements;
  readonly subgraphs: ReadonlyMap<string, LoadedSubgraph>;
}

/** `@fromContext` is carried out by the house's executor alone. */
const SUPPORTED_FEATURES = new Set([
  ...DEFAULT_SUPPORTED_SUPERGRAPH_FEATURES,
  'https://specs.apollo.dev/context/v0.1',
]);

/** How many of the ways to reach a field the planner may weigh before it gives up. */
const PATHS_LIMIT = 10_000;
const EVALUATED_PLANS_LIMIT = 2_000;

const DEFAULT_TIMEOUT_MS = 5_000;

/**
 * Makes a supergraph ready to serve.
 *
 * @param settings of the subgraphs, by name; one that they do not name keeps the SDL's URL
 * @throws SecurityError `SUPERGRAPH_INVALID`
 */
export function loadSupergraph(
  sdl: string,
  settings: ReadonlyMap<string, SubgraphSettings> = new Map(),
): LoadedSupergraph {
  const split = splitSupergraph(sdl);
  try {
    const plannable = stripUnresolvableKeys(split.sdl);
    const known = buildSupergraph(plannable);
    const supergraphSchema = known.schema.toGraphQLJSSchema();
    const separated = separateRequires(plannable, supergraphSchema);
    const supergraph = separated.sdl === plannable ? known : buildSupergraph(separated.sdl);
    return {
      hash: sha256Hex(sdl),
      sdl: plannable,
      apiSchema: known.apiSchema().toGraphQLJSSchema(),
      supergraphSchema,
      supergraph,
      queryPlanner: new QueryPlanner(supergraph, {
        debug: { maxEvaluatedPlans: EVALUATED_PLANS_LIMIT, pathsLimit: PATHS_LIMIT },
      }),
      restorePlan: separated.restore,
      requirements: split.requirements,
      subgraphs: readSubgraphs(known, settings),
    };
  } catch (error) {
    if (error instanceof SecurityError) throw error;
    throw new SecurityError('SUPERGRAPH_INVALID', {
      detail: error instanceof Error ? error.message : 'The supergraph does not load',
      cause: error,
    });
  }
}

function buildSupergraph(sdl: string): Supergraph {
  return Supergraph.build(sdl, { supportedFeatures: SUPPORTED_FEATURES, validateSupergraph: true });
}

function readSubgraphs(
  supergraph: Supergraph,
  settings: ReadonlyMap<string, SubgraphSettings>,
): ReadonlyMap<string, LoadedSubgraph> {
  return new Map(
    supergraph.subgraphsMetadata().map(({ name, url }) => {
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
      };
      return [name, subgraph];
    }),
  );
}

function requireUrl(name: string, url: string): string {
  if (URL.canParse(url)) return url;
  throw new SecurityError('SUPERGRAPH_INVALID', { detail: `The subgraph ${name} has no usable URL` });
}
