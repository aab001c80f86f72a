import { contextFields, contextResolvers } from './generated-context.ts';
import { type GraphEntity, type GraphField, type GraphModel, HIDDEN_MEMBER } from './generated-graph.ts';
import { requiredArguments } from './generated-graph-sdl.ts';
import { hash } from './drawn-values.ts';
import type { FakeSubgraph } from './federation.ts';
import {
  entityOf,
  identified,
  idOf,
  indexOf,
  labelOf,
  nxOf,
  nyOf,
  pickType,
  referenced,
  type Source,
  tops,
} from './generated-entities.ts';

type Resolvers = Record<string, Record<string, (source: Source, given: Source) => unknown>>;

const HIDDEN_COLOR = 'INFRARED';
const COLORS = ['RED', 'GREEN', 'BLUE', HIDDEN_COLOR];

/** How often a mutation was carried out: its answer tells. */
export interface Counter {
  count: number;
}

/** The resolvers of one subgraph: what it does not serve, it does not know. */
export function subgraphResolvers(
  model: GraphModel,
  number: number,
  counter: Counter,
): NonNullable<FakeSubgraph['resolvers']> {
  const resolvers: Resolvers = {
    ...valueTypes(),
    ...contextResolvers(model.context, number),
    ...roots(model, counter, (field) => field.at.includes(number)),
  };
  for (const entity of model.entities)
    resolvers[entity.name] = {
      __resolveReference: (reference) => referenced(entity, reference),
      ...(model.implementers.includes(entity.name) && number === 0 && { label: labelOf }),
      ...(model.context?.subgraph === number && contextFields(model.context, entity.name, true)),
      ...Object.fromEntries(
        entity.fields.flatMap((field) => {
          if (field.at.includes(number)) return [[field.name, fieldResolver(model, field, true)]];
          if (field.movedFrom === number && field.movedPercent === undefined)
            return [[field.name, movedAway]];
          return [[field.name, fieldResolver(model, field, false)]]; // where it is provided
        }),
      ),
    };
  if (number === 0 && model.implementers.length > 0)
    resolvers['N'] = {
      __resolveReference: ({ id }) => entityOf(model, String(id).split('-')[0] ?? '', indexOf(String(id))),
    };
  return forSchema(resolvers, model, number);
}

/** Of the subgraph that knows N as an object. */
export function interfaceObjectResolvers(model: GraphModel): NonNullable<FakeSubgraph['resolvers']> {
  return {
    Query: { tops: () => tops(model).map(({ id }) => ({ id })) },
    N: { __resolveReference: ({ id }: { id: string }) => ({ id }), nx: nxOf, ny: nyOf },
  };
}

/** The resolvers of one schema that knows everything. */
export function referenceResolvers(model: GraphModel, counter: Counter): Resolvers {
  const resolvers: Resolvers = {
    ...valueTypes(),
    ...contextResolvers(model.context),
    ...roots(model, counter, 'all'),
  };
  for (const entity of model.entities)
    resolvers[entity.name] = {
      ...(model.implementers.includes(entity.name) && { label: labelOf, nx: nxOf, ny: nyOf }),
      ...contextFields(model.context, entity.name, false),
      ...Object.fromEntries(
        entity.fields.map((field) => [
          field.name,
          asClientsSee(model, field, fieldResolver(model, field, false)),
        ]),
      ),
    };
  resolvers['Query'] = { ...resolvers['Query'], tops: () => tops(model) };
  return resolvers;
}

function forSchema(resolvers: Resolvers, model: GraphModel, number: number): Resolvers {
  // A schema takes no resolvers for fields that it does not have.
  const declared = (entity: GraphEntity, { name, at, movedFrom }: GraphField) =>
    at.includes(number) ||
    movedFrom === number ||
    entity.fields.some((other) => other.at.includes(number) && other.requires.some((one) => one.name === name)) ||
    model.queries.some(
      ({ provides, base, at: where }) => base === entity.name && where.includes(number) && provides?.name === name,
    ); // prettier-ignore
  for (const entity of model.entities)
    for (const field of entity.fields)
      if (!declared(entity, field)) Reflect.deleteProperty(resolvers[entity.name] ?? {}, field.name);
  for (const root of ['Query', 'Mutation'])
    if (Object.keys(resolvers[root] ?? {}).length === 0) Reflect.deleteProperty(resolvers, root);
  return resolvers;
}

/** @param served by one subgraph, or all of one schema */
function roots(
  model: GraphModel,
  counter: Counter,
  served: 'all' | ((field: GraphField) => boolean),
): Resolvers {
  const resolversOf = (fields: readonly GraphField[], ownerOf: () => string) =>
    Object.fromEntries(
      fields
        .filter((field) => served === 'all' || served(field))
        .map((field) => {
          const resolve: Resolve = (_, given) => valueOf(model, field, ownerOf(), given);
          return [field.name, served === 'all' ? asClientsSee(model, field, resolve) : resolve];
        }),
    );
  return {
    Query: resolversOf(model.queries, () => 'Query'),
    Mutation: resolversOf(model.mutations, () => `Mutation ${String((counter.count += 1))}`),
  };
}

type Resolve = (source: Source, given: Source) => unknown;

/** Without what is `@inaccessible`: its default stands for an argument, and null for a value. */
function asClientsSee(
  model: GraphModel,
  { name, base, takesArguments }: GraphField,
  resolve: Resolve,
): Resolve {
  const hide = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(hide);
    if (base === 'Color' && value === HIDDEN_COLOR) return null;
    const isHidden = typeof value === 'object' && value !== null && '__typename' in value && value.__typename === HIDDEN_MEMBER; // prettier-ignore
    return isHidden && base === 'U' ? null : value;
  };
  const hidesArgument = takesArguments && model.hidingArgument.has(name);
  return (source, given) => hide(resolve(source, hidesArgument ? { c: 'RED', ...given } : given));
}

function fieldResolver(model: GraphModel, field: GraphField, isFederated: boolean) {
  return (source: Source, given: Source): unknown => {
    const inputs = field.requires.map((input) =>
      isFederated && !isProvided(model, input, field.at)
        ? cutInput(givenInput(source, input))
        : ownInput(model, source, input, field.name),
    );
    const more = inputs.length === 0 ? '' : JSON.stringify(inputs);
    return valueOf(model, field, `${idOf(source)} ${more}`, given);
  };
}

function movedAway(): never {
  throw new Error('this field was moved to another subgraph');
}

/** Whether a subgraph knows an input where one of its own root fields provides it. */
function isProvided({ queries }: GraphModel, input: GraphField, at: readonly number[]): boolean {
  return queries.some(
    ({ provides, at: where }) => provides === input && where.some((one) => at.includes(one)),
  );
}

function givenInput(source: Source, { name }: GraphField): unknown {
  if (!Object.hasOwn(source, name)) throw new Error(`${name} was not given`);
  return source[name];
}

/** What a subgraph would be given: the input is one that another subgraph resolves. */
function ownInput(model: GraphModel, source: Source, input: GraphField, by: string): unknown {
  const resolve = fieldResolver(model, input, false);
  return cutInput(resolveValues(resolve(source, input.takesArguments ? requiredArguments(by) : {})));
}

function resolveValues(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolveValues);
  if (typeof value !== 'object' || value === null || !('seed' in value)) return value;
  const { n, w } = valueTypes()['V'] ?? {};
  const { q } = valueTypes()['W'] ?? {};
  const below = w?.(value, {});
  return { n: n?.(value, {}), w: below === null ? null : { q: q?.(below as Source, {}) } };
}

/** In one order, and as it comes out of JSON. */
function cutInput(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(cutInput);
  if (typeof value !== 'object' || value === null || !('w' in value)) return value;
  const { n, w } = value as { n: unknown; w: { q: unknown } | null };
  return [n, w?.q ?? null];
}

function valueTypes(): Resolvers {
  const seedOf = (source: Source) => Number(source['seed']);
  return {
    V: {
      n: (source) => (seedOf(source) % 7 === 0 ? null : seedOf(source) % 100),
      t: (source) => `t ${String(seedOf(source) % 10)}`,
      w: (source) => (seedOf(source) % 5 === 0 ? null : { __typename: 'W', seed: seedOf(source) + 1 }),
      e: (source) => (seedOf(source) % 6 === 0 ? null : identified('E0', seedOf(source) % 4)),
    },
    W: {
      q: (source) => (seedOf(source) % 50) / 4,
      again: (source) => [seedOf(source) % 3, 1],
    },
  };
}

function valueOf(model: GraphModel, field: GraphField, owner: string, given: Source): unknown {
  const { base, fails, at: [subgraph = 0] } = field; // prettier-ignore
  const seed = hash(`${owner} ${field.name} ${stable(given)} ${String(model.salt)}`);
  if (fails && seed % 11 === 0) throw new Error('fails');
  return wrapped([...field.wraps], seed);

  function wrapped(left: readonly ('!' | '[]')[], at: number): unknown {
    const required = left.at(-1) === '!';
    const rest = required ? left.slice(0, -1) : left;
    if (required ? fails && at % 13 === 0 : at % 7 === 0) return null;
    if (rest.at(-1) !== '[]') return leaf(at);
    return Array.from({ length: at % 4 }, (_, index) =>
      wrapped(rest.slice(0, -1), hash(`${String(at)} ${String(index >> 1)}`)),
    );
  }

  function leaf(at: number): unknown {
    switch (base) {
      case 'Int':
        return (at % 100) - 50;
      case 'Float':
        return (at % 1000) / 8;
      case 'Boolean':
        return at % 2 === 0;
      case 'Color':
        return COLORS[at % (model.hidesColor ? COLORS.length : COLORS.length - 1)];
      case 'Json':
        return [{ a: [1, null], __typename: 'E0', id: { b: {} } }, [], 'text', 0, false, {}][at % 6];
      case 'String':
      case 'ID':
        return ['plain', 'quo"te', 'líne\n', '\ud800 lone', '', '7'][at % 6];
      case 'V':
        return { __typename: 'V', seed: at };
      default:
        return entityOf(model, pickType(model, base, subgraph, at), at % 4);
    }
  }
}

function stable(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, below]) => [key, stable(below)])); // prettier-ignore
}
