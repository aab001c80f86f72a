import { type Draw, hash, pick } from './drawn-values.ts';

type Source = Readonly<Record<string, unknown>>;
type Resolver = (source: Source, given: Source) => unknown;
type Resolvers = Readonly<Record<string, Readonly<Record<string, Resolver>>>>;

/**
 * Entities C that are reached through others alone, and whose fields take arguments from the nearest of those
 * (`@fromContext`); a second subgraph has more of C.
 */
export interface ContextModel {
  /** Has `@context`, and what reads it. */
  readonly subgraph: number;
  /** Has `C.cx`. */
  readonly other: number;
  /** The entities that lead to C, each with its hint. */
  readonly above: readonly string[];
  /** What of those is read. */
  readonly hint: 'hint' | 'hints' | 'nested' | 'number';
  /** Whether each type has a selection of its own. */
  readonly byType: boolean;
  /** Whether a field takes a second value from the context. */
  readonly two: boolean;
  /** Whether a field has `@requires` as well. */
  readonly requires: boolean;
}

const HINTS = {
  hint: { type: 'String', field: 'hint', below: '', of: 'String' },
  hints: { type: '[String]', field: 'hints', below: '', of: '[String]' },
  nested: { type: 'String', field: 'nest', below: ' { inner { text } }', of: 'Nest' },
  number: { type: 'Int', field: 'number', below: '', of: 'Int' },
} as const;
const ENTITIES = 4;

export function generateContext(entities: readonly string[], draw: Draw): ContextModel | undefined {
  if (draw(3) === 0) return undefined;
  const some = entities.filter(() => draw(2) === 0);
  const subgraph = draw(3);
  return {
    subgraph,
    other: (subgraph + 1 + draw(2)) % 3,
    above: some.length > 0 ? some : [pick(entities, draw)],
    hint: pick(['hint', 'hints', 'nested', 'number'], draw),
    byType: draw(2) === 0,
    two: draw(3) === 0,
    requires: draw(3) === 0,
  };
}

/** The types of C in a subgraph. */
export function contextTypes(model: ContextModel | undefined, number: number): string {
  if (model?.other === number) return 'type C @key(fields: "id") { id: ID! cx: Int }';
  if (model?.subgraph !== number) return '';
  const { type, field, below } = HINTS[model.hint];
  const own = `h: ${type} @fromContext(field: "${selectionOf(model, field + below)}")`;
  const second = model.two ? `g: Int @fromContext(field: "${selectionOf(model, 'level')}")` : '';
  return `
    type C @key(fields: "id") {
      id: ID! next: C
      cv(x: Int = 1, ${own}): String
      cw(${own} ${second}): [String!]
      ${model.requires ? `cx: Int @external cr(${own}): String @requires(fields: "cx")` : ''}
    }
    type CW { c: C cs: [[C]!] }
    ${model.hint === 'nested' ? 'type Nest { inner: Inner } type Inner { text: String }' : ''}
  `;
}

function selectionOf({ above, byType }: ContextModel, fields: string): string {
  return byType
    ? `$here ${above.map((name) => `... on ${name} { ${fields} }`).join(' ')}`
    : `$here { ${fields} }`;
}

/** What an entity has in a subgraph for those below it: a directive of the type, and fields. */
export function contextOf(
  model: ContextModel | undefined,
  entity: string,
  number: number,
): { readonly directive: string; readonly fields: readonly string[] } {
  if (model?.subgraph !== number || !model.above.includes(entity)) return { directive: '', fields: [] };
  const { field, of } = HINTS[model.hint];
  const level = model.two ? ['level: Int'] : [];
  return {
    directive: '@context(name: "here")',
    fields: [`${field}: ${of}`, ...level, 'c: C', 'cs: [C!]', 'cw: CW'],
  };
}

/** Of an entity above C; in one schema of all types, C knows what is above it. */
export function contextFields(
  model: ContextModel | undefined,
  entity: string,
  isFederated: boolean,
): Readonly<Record<string, Resolver>> {
  if (model?.above.includes(entity) !== true) return {};
  const below = (source: Source): Source =>
    isFederated ? {} : { h: hintOf(model, source), g: levelOf(source) };
  const toC = (source: Source, index: number): Source => ({
    ...entityC(hash(`${keyOf(source)} ${String(index)}`) % ENTITIES),
    ...below(source),
  });
  const fields: Readonly<Record<string, Resolver>> = {
    hint: textOf,
    hints: (source) => (isThird(source) ? null : [textOf(source), null]),
    nest: (source) => (isThird(source) ? null : { inner: { text: textOf(source) } }),
    number: numberOf,
    level: levelOf,
    c: (source) => (isThird(source) ? null : toC(source, 0)),
    cs: (source) => [toC(source, 1), toC(source, 2), toC(source, 1)],
    cw: (source) => ({ c: toC(source, 3), cs: [[toC(source, 4), null], []] }),
  };
  const served = [HINTS[model.hint].field, ...(model.two ? ['level'] : []), 'c', 'cs', 'cw'];
  return Object.fromEntries(Object.entries(fields).filter(([name]) => served.includes(name)));
}

/** Of C, in a subgraph or in one schema of all types. */
export function contextResolvers(model: ContextModel | undefined, number?: number): Resolvers {
  if (model === undefined || (number !== undefined && ![model.subgraph, model.other].includes(number)))
    return {};
  const isFederated = number !== undefined;
  const given = (source: Source, args: Source) =>
    isFederated ? args : { ...args, h: source['h'], g: source['g'] };
  const reference = {
    __resolveReference: ({ id, ...more }: Source) => ({
      ...more,
      ...entityC(Number(String(id).split('-')[1])),
    }),
  };
  const fields = {
    next: (source: Source) => {
      const next = (indexOf(source) + 1) % (ENTITIES + 1);
      return next === ENTITIES
        ? null
        : { ...entityC(next), ...(!isFederated && { h: source['h'], g: source['g'] }) };
    },
    cv: (source: Source, args: Source) => {
      const { x, h = null } = given(source, args);
      return JSON.stringify([source['id'], x, h]);
    },
    cw: (source: Source, args: Source) => {
      const { h = null, g = null } = given(source, args);
      return [JSON.stringify([source['id'], h]), ...(model.two ? [String(g)] : [])];
    },
  };
  const required = {
    cr: (source: Source, args: Source) => {
      const { h = null } = given(source, args);
      return JSON.stringify([source['id'], h, isFederated ? source['cx'] : cxOf(source)]);
    },
  };
  const isOwner = number !== model.other;
  return {
    C: {
      ...(isFederated && reference),
      ...(isOwner && { ...fields, ...(model.requires && required) }),
      ...(number !== model.subgraph && { cx: cxOf }),
    },
  };
}

function entityC(index: number): Source {
  return { __typename: 'C', id: `C-${String(index)}` };
}

function indexOf({ id }: Source): number {
  return Number(String(id).split('-')[1]);
}

function cxOf(source: Source): number | null {
  return indexOf(source) === 2 ? null : indexOf(source) * 10;
}

function hintOf({ hint }: ContextModel, source: Source): unknown {
  if (hint === 'hints') return isThird(source) ? null : [textOf(source), null];
  if (hint === 'nested') return isThird(source) ? null : textOf(source);
  return hint === 'number' ? numberOf(source) : textOf(source);
}

/** The same of an entity by whichever of its keys it is known. */
function keyOf({ id, sku }: Source): string {
  return typeof id === 'string' ? id : String(sku).slice('sku '.length);
}

function isThird(source: Source): boolean {
  return keyOf(source).endsWith('-3');
}

function textOf(source: Source): string | null {
  return keyOf(source).endsWith('-2') ? null : `hint ${keyOf(source)}`;
}

function numberOf(source: Source): number | null {
  return isThird(source) ? null : hash(keyOf(source)) % 50;
}

function levelOf(source: Source): number {
  return hash(`level ${keyOf(source)}`) % 9;
}
