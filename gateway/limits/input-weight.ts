import { type GraphQLInputType, getNamedType, isInputObjectType } from 'graphql';

/** What a value of an input type weighs, that of a list once for each of its elements. */
export interface InputWeight {
  readonly own: number;
  /** Members that weigh something: always the same, or what is inside them. */
  readonly members: ReadonlyMap<string, number | InputWeight>;
}

/** Undefined: neither the type nor any type inside it weighs anything. */
export type WeighInputType = (type: GraphQLInputType) => InputWeight | undefined;

/** What the values of variables weigh that many fields may use; undefined: not weighed yet. */
export type KnownWeights = Map<unknown, number | undefined>;

type WeightOf = (node: object) => number | undefined;

/** An object weighs 1 and a scalar nothing, unless `@cost` says otherwise. */
export function createWeighInputType(weightOf: WeightOf): WeighInputType {
  const known = new Map<unknown, InputWeight>();
  return function weighType(type) {
    const named = getNamedType(type);
    const reached = known.get(named);
    if (reached !== undefined) return reached;
    const isObject = isInputObjectType(named);
    const own = weightOf(named) ?? (isObject ? 1 : 0);
    const members = new Map<string, number | InputWeight>();
    const weight = { own, members };
    if (!isObject) return own === 0 ? undefined : weight;
    known.set(named, weight); // before its members, which may be of this type
    for (const field of Object.values(named.getFields())) {
      const member = weightOf(field) ?? weighType(field.type) ?? 0;
      if (member !== 0) members.set(field.name, member);
    }
    return weight;
  };
}

/** Looks at each value of `known` once, and at nothing more when `limit` is exceeded. */
export function weighValue(weight: InputWeight, value: unknown, known: KnownWeights, limit: number): number {
  if (typeof value !== 'object' || value === null) return weight.own;
  const reached = known.get(value);
  if (reached !== undefined) return reached;
  const sum = Array.isArray(value)
    ? weighList(weight, value, known, limit)
    : weighObject(weight, value as Readonly<Record<string, unknown>>, known, limit);
  if (known.has(value)) known.set(value, sum);
  return sum;
}

function weighList(
  weight: InputWeight,
  items: readonly unknown[],
  known: KnownWeights,
  limit: number,
): number {
  let sum = 0;
  for (const item of items) {
    if (sum > limit) break;
    sum += weighValue(weight, item, known, limit);
  }
  return sum;
}

function weighObject(
  { own, members }: InputWeight,
  value: Readonly<Record<string, unknown>>,
  known: KnownWeights,
  limit: number,
): number {
  let sum = own;
  if (members.size > 0)
    for (const name in value) {
      if (sum > limit) break;
      const member = members.get(name);
      if (typeof member === 'number') sum += member;
      else if (member !== undefined) sum += weighValue(member, value[name], known, limit);
    }
  return sum;
}
