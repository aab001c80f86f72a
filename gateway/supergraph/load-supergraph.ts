import { SecurityError } from '@aduana/core/errors/security-error';
import { sha256Hex } from '@aduana/core/platform/digest';
import { denyUnguarded, type UnguardedFields } from '@aduana/subgraph/graphql/deny-unguarded';
import type { Requirements } from '@aduana/subgraph/graphql/requirements';
import { DEFAULT_SUPPORTED_SUPERGRAPH_FEATURES, Supergraph } from '@apollo/federation-internals';
import { QueryPlanner } from '@apollo/query-planner';
import type { GraphQLSchema } from 'graphql';
import { layerRequires } from '../planner/layer-requires.ts';
import {
  createFindPlan,
  type PlannerOfSupergraph,
  type PlannersOfSupergraph,
} from '../planner/operation-planner.ts';
import { stripUnresolvableKeys } from '../planner/planner-workarounds.ts';
import { type SeparatedRequires, separateRequires } from '../planner/separate-requires.ts';
import { type LoadedSupergraph, once, withSettings } from './loaded-supergraph.ts';
import { splitSupergraph } from './split-supergraph.ts';
import type { SubgraphSettings } from './supergraph-config.ts';

/** One that is planned in this thread. */
export interface PlannedSupergraph extends LoadedSupergraph {
  readonly planners: PlannersOfSupergraph;
}

/** What is read from the SDL itself. */
export interface ReadSupergraph {
  readonly hash: string;
  readonly sdl: string;
  readonly apiSchema: GraphQLSchema;
  readonly supergraphSchema: GraphQLSchema;
  readonly requirements: Requirements;
  /** The subgraphs and their URLs there. */
  readonly urls: ReadonlyMap<string, string>;
  readonly planners: PlannersOfSupergraph;
}

/** `@fromContext` is carried out by the deployment's executor alone. */
const SUPPORTED_FEATURES = new Set([
  ...DEFAULT_SUPPORTED_SUPERGRAPH_FEATURES,
  'https://specs.apollo.dev/context/v0.1',
]);

/** How many of the ways to reach a field the planner may weigh before it gives up. */
const PATHS_LIMIT = 10_000;
const EVALUATED_PLANS_LIMIT = 2_000;

export interface LoadOptions {
  /** What happens to a field that no directive guards. */
  readonly unguardedFields?: UnguardedFields | undefined;
}

/**
 * Makes a supergraph ready to serve, in this thread.
 *
 * @param settings of the subgraphs, by name; one that they do not name keeps the SDL's URL
 * @throws SecurityError `SUPERGRAPH_INVALID`
 */
export function loadSupergraph(
  sdl: string,
  settings: ReadonlyMap<string, SubgraphSettings> = new Map(),
  options: LoadOptions = {},
): PlannedSupergraph {
  const { urls, ...read } = readSupergraph(sdl, options);
  return {
    ...read,
    subgraphs: withSettings(urls, settings),
    federation: () => Promise.resolve(read.planners.supergraph),
    findPlan: createFindPlan(read.planners),
  };
}

/** @throws SecurityError `SUPERGRAPH_INVALID` */
export function readSupergraph(sdl: string, { unguardedFields }: LoadOptions): ReadSupergraph {
  const split = splitSupergraph(sdl);
  try {
    const plannable = stripUnresolvableKeys(split.sdl);
    const known = buildSupergraph(plannable);
    const supergraphSchema = known.schema.toGraphQLJSSchema();
    const separated = separateRequires(plannable, supergraphSchema);
    const first =
      separated.sdl === plannable
        ? createPlanner(known, separated.restore)
        : createPlanner(buildSupergraph(separated.sdl), separated.restore);
    return {
      hash: sha256Hex(sdl),
      sdl: plannable,
      apiSchema: known.apiSchema().toGraphQLJSSchema({ includeDefer: true }),
      supergraphSchema,
      requirements:
        unguardedFields === 'deny' ? denyUnguarded(supergraphSchema, split.requirements) : split.requirements,
      urls: new Map(known.subgraphsMetadata().map(({ name, url }) => [name, url])),
      planners: { ...first, supergraphSchema, secondPlanner: once(() => createSecondPlanner(separated)) },
    };
  } catch (error) {
    if (error instanceof SecurityError) throw error;
    throw new SecurityError('SUPERGRAPH_INVALID', {
      detail: error instanceof Error ? error.message : 'The supergraph does not load',
      cause: error,
    });
  }
}

/** @throws SecurityError `OPERATION_NOT_PLANNABLE` where the layered supergraph does not load */
function createSecondPlanner({ sdl, restore }: SeparatedRequires): PlannerOfSupergraph | undefined {
  const layered = layerRequires(sdl);
  if (layered === undefined) return undefined;
  try {
    return createPlanner(buildSupergraph(layered.sdl), (plan) => restore(layered.restore(plan)));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'an unknown problem';
    throw new SecurityError('OPERATION_NOT_PLANNABLE', {
      detail: `The supergraph does not load in layers: ${reason}`,
      cause,
    });
  }
}

function createPlanner(
  supergraph: Supergraph,
  restorePlan: PlannerOfSupergraph['restorePlan'],
): PlannerOfSupergraph {
  const debug = { maxEvaluatedPlans: EVALUATED_PLANS_LIMIT, pathsLimit: PATHS_LIMIT };
  const incrementalDelivery = { enableDefer: true }; // of what authorization leaves of `@defer`
  return {
    supergraph,
    queryPlanner: new QueryPlanner(supergraph, { debug, incrementalDelivery }),
    restorePlan,
  };
}

export function buildSupergraph(sdl: string): Supergraph {
  return Supergraph.build(sdl, { supportedFeatures: SUPPORTED_FEATURES, validateSupergraph: true });
}
