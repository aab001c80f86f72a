import {
  doTypesOverlap,
  getNamedType,
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  isCompositeType,
  isInterfaceType,
  isObjectType,
} from 'graphql';
import { type Draw, pick } from './drawn-values.ts';

export interface GeneratedDocument {
  readonly text: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

interface Fragment {
  readonly name: string;
  readonly on: GraphQLCompositeType;
}

/** By the type that an argument has: how it can be written, with the variables below. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  Int: ['0', '3', '-7', 'null', '$x', '$y', '$x'],
  Color: ['GREEN', 'BLUE', 'null', '$c'],
  Box: ['{}', '{ n: 1, c: GREEN }', '{ n: $x }', '{ list: [$y, 4], n: null }', 'null', '$b'],
};
const VARIABLES = {
  x: 'Int',
  y: 'Int! = 7',
  c: 'Color',
  b: 'Box = { list: [9] }',
  yes: 'Boolean!',
  no: 'Boolean! = false',
} as const;
/** Names that a planner or an executor may mean something else by. */
const ODD_ALIASES = [
  ...['id', 'sku', 'k', 'n', 'constructor', '__proto__', 'toString', '_entities', 'e0'],
  ...['hint', 'nest', 'number', 'level', 'cx'],
];

/** Makes up a document of one operation: it may be invalid where fields of one key conflict. */
export function generateDocument(schema: GraphQLSchema, draw: Draw): GeneratedDocument {
  const composites = Object.values(schema.getTypeMap()).filter(isCompositeType).filter(({ name }) => !name.startsWith('__')); // prettier-ignore
  const mutation = draw(8) === 0 ? schema.getMutationType() : undefined;
  const root = mutation ?? schema.getQueryType();
  if (!root) throw new TypeError('no root type');
  let left = 30;
  const fragments = ['F0', 'F1'].map((name): Fragment => ({ name, on: pick(composites, draw) }));
  const spread = new Set<string>();
  const body = selectionSet(root, 0, fragments);
  const definitions = fragments.map(({ name, on }, index) =>
    spread.has(name) ? `fragment ${name} on ${on.name} ${selectionSet(on, 2, fragments.slice(index + 1))}` : '',
  ); // prettier-ignore
  const text = `${body} ${definitions.join(' ')}`;
  const used = Object.entries(VARIABLES).filter(([name]) => new RegExp(`\\$${name}\\b`).test(text));
  const defined = used.map(([name, type]) => `$${name}: ${type}`).join(', ');
  return {
    text: `${mutation ? 'mutation' : 'query'} ${defined === '' ? '' : `(${defined})`} ${text}`,
    variables: drawVariables(draw),
  };

  function selectionSet(type: GraphQLCompositeType, depth: number, spreads: readonly Fragment[]): string {
    const items = Array.from({ length: 1 + draw(4) }, () => item(type, depth, spreads));
    return `{ ${items.join(' ')} }`;
  }

  function item(type: GraphQLCompositeType, depth: number, spreads: readonly Fragment[]): string {
    left -= 1;
    const choice = draw(10);
    if (choice === 0) return `${draw(3) === 0 ? 'kind: ' : ''}__typename ${condition()}`;
    if (choice <= 2 && depth < 5) {
      const on = pick(composites.filter((one) => doTypesOverlap(schema, one, type)), draw); // prettier-ignore
      return draw(5) === 0
        ? `... ${condition()} ${selectionSet(type, depth + 1, spreads)}`
        : `... on ${on.name} ${condition()} ${selectionSet(on, depth + 1, spreads)}`;
    }
    const fitting = spreads.filter(({ on }) => doTypesOverlap(schema, on, type));
    if (choice === 3 && fitting.length > 0) {
      const { name } = pick(fitting, draw);
      spread.add(name);
      return `...${name} ${condition()}`;
    }
    return field(type, depth, spreads);
  }

  function field(type: GraphQLCompositeType, depth: number, spreads: readonly Fragment[]): string {
    const deep = depth >= 5 || left < 0;
    const own = isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [];
    const candidates = own.filter((one) => !deep || !isCompositeType(getNamedType(one.type)));
    if (candidates.length === 0) return '__typename';
    const chosen = pick(candidates, draw);
    const named = getNamedType(chosen.type);
    const below = isCompositeType(named) ? selectionSet(named, depth + 1, spreads) : '';
    return `${alias(chosen)}${chosen.name}${given(chosen.args)} ${condition()} ${below}`;
  }

  function alias({ name }: GraphQLField<unknown, unknown>): string {
    const choice = draw(16);
    if (choice === 0) return `${pick(ODD_ALIASES, draw)}: `;
    return choice < 6 ? `${name}_${String(draw(3))}: ` : '';
  }

  function given(args: readonly GraphQLArgument[]): string {
    const texts = args
      .filter(() => draw(2) === 0)
      .map(({ name, type }) => `${name}: ${pick(VALUES[String(getNamedType(type))] ?? ['null'], draw)}`);
    return texts.length === 0 ? '' : `(${texts.join(', ')})`;
  }

  function condition(): string {
    if (draw(8) !== 0) return '';
    return `@${pick(['skip', 'include'], draw)}(if: ${pick(['$yes', '$no', '$yes', 'true', 'false'], draw)})`;
  }
}

function drawVariables(draw: Draw): Readonly<Record<string, unknown>> {
  const some = <Value>(values: readonly Value[]) => pick(values, draw);
  return {
    yes: draw(2) === 0,
    ...some([{}, { x: null }, { x: 3 }, { x: -1 }]),
    ...some([{}, { y: 0 }]),
    ...some([{}, { c: null }, { c: 'BLUE' }]),
    ...some([{}, { b: null }, { b: { n: 4 } }, { b: { c: 'RED', list: null } }]),
    ...some([{}, { no: true }]),
  };
}
