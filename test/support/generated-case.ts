import { buildSchema, type GraphQLSchema, isObjectType, printSchema } from 'graphql';
import { type Federation, openFederation } from './federation.ts';
import type { Draw } from './drawn-values.ts';
import { generateGraph, type GraphModel, SUBGRAPHS } from './generated-graph.ts';
import { subgraphSdls } from './generated-graph-sdl.ts';
import {
  type Counter,
  interfaceObjectResolvers,
  referenceResolvers,
  subgraphResolvers,
} from './generated-graph-values.ts';
import { createSeededRandom } from './seeded-random.ts';

/** A generated supergraph, and one schema of all its types that answers as it must. */
export interface GeneratedCase {
  readonly federation: Federation;
  readonly reference: GraphQLSchema;
  /** Goes on where the supergraph's own drawing ended. */
  readonly draw: Draw;
  readonly counter: Counter;
}

/** Undefined where the subgraphs do not compose: no route leads to some field. */
export function openGeneratedCase(seed: number, round: number): GeneratedCase | undefined {
  const random = createSeededRandom(seed * 1_000_003 + round);
  const draw: Draw = (below) => Math.floor(random() * below);
  const model = generateGraph(draw);
  const counter = { count: 0 };
  const federation = openOrSkip(model, counter);
  if (federation === undefined) return undefined;
  const reference = referenceOf(federation.supergraph.apiSchema, model, counter);
  return { federation, reference, draw, counter };
}

function openOrSkip(model: GraphModel, counter: Counter): Federation | undefined {
  const sdls = subgraphSdls(model);
  const subgraphs = SUBGRAPHS.map((number) => {
    const name = `s${String(number)}`;
    return [name, { sdl: sdls[name] ?? '', resolvers: subgraphResolvers(model, number, counter) }] as const;
  });
  const s3 = sdls['s3'];
  try {
    return openFederation({
      ...Object.fromEntries(subgraphs),
      ...(s3 !== undefined && { s3: { sdl: s3, resolvers: interfaceObjectResolvers(model) } }),
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return undefined;
  }
}

function referenceOf(apiSchema: GraphQLSchema, model: GraphModel, counter: Counter): GraphQLSchema {
  const schema = buildSchema(printSchema(apiSchema));
  for (const [name, resolvers] of Object.entries(referenceResolvers(model, counter))) {
    const type = schema.getType(name);
    if (!isObjectType(type)) continue;
    for (const [key, resolve] of Object.entries(resolvers)) {
      const field = type.getFields()[key];
      if (field !== undefined) field.resolve = resolve as NonNullable<typeof field.resolve>;
    }
  }
  return schema;
}
