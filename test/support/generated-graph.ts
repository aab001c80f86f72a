import { type ContextModel, generateContext } from './generated-context.ts';
import { type Draw, pick } from './drawn-values.ts';

export interface GraphField {
  readonly name: string;
  readonly base: string;
  /** Around the base, inside out: `!` or `[]`. */
  readonly wraps: readonly ('!' | '[]')[];
  /** The subgraphs that serve it. */
  readonly at: readonly number[];
  readonly takesArguments: boolean;
  /** Fields of the same type that its `@requires` names. */
  readonly requires: readonly GraphField[];
  /** The subgraph that it was moved away from, by `@override`. */
  readonly movedFrom: number | undefined;
  /** How many of a hundred requests it is moved for, where not for all. */
  readonly movedPercent: number | undefined;
  /** Whether it fails for some objects, or has null where none may be. */
  readonly fails: boolean;
  /** What its `@provides` names. */
  readonly provides: GraphField | undefined;
}

export interface GraphEntity {
  readonly name: string;
  /** By subgraph, the fields of its `@key`s. */
  readonly keys: readonly (readonly string[])[];
  readonly fields: readonly GraphField[];
}

/**
 * Subgraphs `s0` to `s2` that share entities, an interface M, value types and a union of other members in each; `s0`
 * has the interface N, and `s3` knows N as an interface object.
 */
export interface GraphModel {
  readonly entities: readonly GraphEntity[];
  readonly queries: readonly GraphField[];
  readonly mutations: readonly GraphField[];
  /** By subgraph, the members of U. */
  readonly members: readonly (readonly string[])[];
  /** The entities that implement N; without any there is no N. */
  readonly implementers: readonly string[];
  /** The fields that are `@inaccessible`: others require them. */
  readonly hidden: ReadonlySet<string>;
  /** The fields whose argument `c` is `@inaccessible`. */
  readonly hidingArgument: ReadonlySet<string>;
  /** Whether the enum has a value that is `@inaccessible`. */
  readonly hidesColor: boolean;
  readonly context: ContextModel | undefined;
  readonly salt: number;
}

/** A member of U that is `@inaccessible`. */
export const HIDDEN_MEMBER = 'Hid';
export const SUBGRAPHS = [0, 1, 2] as const;
const LEAVES = ['Int', 'Float', 'String', 'Boolean', 'ID', 'Color', 'Json'];
const WRAPS: readonly GraphField['wraps'][] = [
  [],
  [],
  ['!'],
  ['[]'],
  ['!', '[]', '!'],
  ['[]', '!', '[]'],
  ['!', '[]'],
];
const KEYS: readonly GraphEntity['keys'][] = [
  [['id'], ['id'], ['id']],
  [['id'], ['id'], ['id']],
  [['id region'], ['id region'], ['id region']],
  [['id k { a b }'], ['k { a b } id'], ['id k { b a }']],
  [['id'], ['id', 'sku'], ['sku']],
  [['id', 'sku'], ['sku'], ['id']],
];

export function generateGraph(draw: Draw): GraphModel {
  const names = ['E0', 'E1', 'E2', 'E3'].slice(0, 2 + draw(3));
  const kinds = names.map(() => pick(KEYS, draw));
  const members = SUBGRAPHS.map(() => [
    ...names.filter(() => draw(2) === 0),
    'V',
    ...(draw(3) === 0 ? [HIDDEN_MEMBER] : []),
  ]);
  const drawField = (name: string, base?: string): GraphField => {
    const owner = draw(3);
    const bases = [
      ...LEAVES,
      ...LEAVES,
      ...names,
      ...names,
      'V',
      'V',
      'U',
      'M',
      ...(owner === 0 ? ['N'] : []),
    ];
    return {
      name,
      base: base ?? pick(bases, draw),
      wraps: pick(WRAPS, draw),
      at: [owner],
      takesArguments: draw(4) === 0,
      requires: [],
      movedFrom: undefined,
      movedPercent: undefined,
      fails: draw(3) === 0,
      provides: undefined,
    };
  };
  const implementers = names.filter((_, index) => draw(4) !== 0 && kinds[index]?.[0]?.includes('id'));
  const fits = ({ base, at: [owner = 0] }: GraphField) =>
    (base !== 'N' || implementers.length > 0) && (base !== 'M' || kinds.some((keys) => hasId(keys[owner])));
  const entities = names.map((name, index): GraphEntity => ({
    name,
    keys: kinds[index] ?? [],
    fields: withUses(Array.from({ length: 4 + draw(5) }, (_, field) => drawField(`f${String(index)}${String(field)}`)).filter(fits), draw),
  })); // prettier-ignore
  const queries = Array.from({ length: 4 + draw(4) }, (_, index) =>
    drawField(`q${String(index)}`, pick([...names, ...names, 'U', 'M', 'V', 'Int'], draw)),
  );
  const provided = queries.filter(fits).map((field) => withProvides(field, entities, draw));
  const fields = entities.flatMap((entity) => entity.fields);
  const mayHide = (field: GraphField) =>
    fields.some(({ requires }) => requires.includes(field)) &&
    !provided.some(({ provides }) => provides === field);
  return {
    entities,
    queries: provided,
    hidden: namesOf(fields.filter((field) => mayHide(field) && draw(4) === 0)),
    hidingArgument: namesOf(
      [...fields, ...provided].filter(({ takesArguments }) => takesArguments && draw(4) === 0),
    ),
    hidesColor: draw(2) === 0,
    context: generateContext(names, draw),
    mutations: Array.from({ length: 4 }, (_, index) => ({
      ...drawField(`m${String(index)}`, pick(['Int', ...names], draw)),
      fails: false,
    })),
    members,
    implementers,
    salt: draw(100_000),
  };
}

function namesOf(fields: readonly GraphField[]): ReadonlySet<string> {
  return new Set(fields.map(({ name }) => name));
}

export function hasId(keys: readonly string[] | undefined): boolean {
  return keys?.some((key) => /\bid\b/.test(key)) ?? false;
}

/** Some of the fields shared, moved, or computed from earlier ones of other subgraphs. */
function withUses(fields: readonly GraphField[], draw: Draw): GraphField[] {
  const done: GraphField[] = [];
  for (const field of fields) {
    const [owner = 0] = field.at;
    const other = (owner + 1 + draw(2)) % 3;
    const abstract = ['U', 'M', 'N'].includes(field.base);
    const inputs = done.filter((input) => isInput(input, owner) && draw(2) === 0).slice(0, 2);
    const use = draw(6);
    if (use === 0 && !abstract) done.push({ ...field, at: [owner, other] });
    else if (use === 1)
      done.push({
        ...field,
        movedFrom: other,
        movedPercent: abstract || draw(2) === 0 ? undefined : pick([0, 50, 100], draw),
      });
    else if (use <= 3 && inputs.length > 0) done.push({ ...field, requires: inputs });
    else done.push(field);
  }
  return done;
}

/** Whether a subgraph that does not serve a field may be told its value. */
function isInput({ base, at, movedFrom, fails }: GraphField, by: number): boolean {
  return (LEAVES.includes(base) || base === 'V') && at.length === 1 && !at.includes(by) && movedFrom === undefined && !fails; // prettier-ignore
}

function withProvides(field: GraphField, entities: readonly GraphEntity[], draw: Draw): GraphField {
  const [owner = 0] = field.at;
  const given = entities
    .find(({ name }) => name === field.base)
    ?.fields.filter(
      (one) =>
        isInput(one, owner) && LEAVES.includes(one.base) && !one.takesArguments && one.requires.length === 0,
    );
  return given === undefined || given.length === 0 || draw(2) === 0
    ? field
    : { ...field, provides: pick(given, draw) };
}
