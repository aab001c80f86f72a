/** Execute, compiler, code generation: the function that writes the `representations` of an entity fetch. */

import type { GraphQLSchema } from 'graphql';
import { additionExpression, readExpression, typeStatements } from './read-expression.ts';
import type { RepresentationKeys, Required, RequiredField } from './representation-keys.ts';

/**
 * Code of a function that gathers the places of a position, in the order of the answer, and writes the representation of
 * each, the same one once.
 *
 * @param tables what the code refers to by index
 */
export function generateRepresentations(
  keys: RepresentationKeys,
  all: readonly RepresentationKeys[],
  schema: GraphQLSchema,
  tables: unknown[],
): string {
  const { id, position } = keys;
  const { before, place } = placeStatements(keys, all, schema, tables);
  const known = [...keys.required.keys()].map((_, number) => `const known${String(number)} = new Map();`);
  return `function represent${String(id)}(state) {
  const done = state.texts[${String(id)}];
  if (done !== undefined) return done;
  ${[...before].join(' ')}
  const offsets = [], pointers = [], texts = [], places = new Map();
  ${known.join(' ')}
  const place = (o) => {
${place.map((line) => `    ${line}`).join('\n')}
  };
  for (const v0 of state.layers[${String(position.owner?.index)}]) {
    offsets.push(pointers.length);
    if (v0 == null) continue;
    ${descend(position.way, 0)}
  }
  ${
    position.mixed
      ? `state.places[${String(id)}] = places;`
      : `state.offsets[${String(position.id)}] = offsets; state.pointers[${String(id)}] = pointers;`
  }
  return (state.texts[${String(id)}] = texts);
}`;
}

function descend(way: readonly (string | null)[], depth: number): string {
  const [step, ...rest] = way;
  const here = `v${String(depth)}`;
  const next = `v${String(depth + 1)}`;
  if (step === null)
    return `if (!Array.isArray(${here})) throw FAST_PATH_MISMATCH;
    for (const ${next} of ${here}) { if (${next} == null) continue; ${descend(rest, depth + 1)} }`;
  const mustBeObject = `if (typeof ${here} !== 'object' || Array.isArray(${here})) throw FAST_PATH_MISMATCH;`;
  if (step === undefined) return `${mustBeObject} place(${here});`;
  return `${mustBeObject} const ${next} = ${readExpression(here, step)};
    if (${next} != null) { ${descend(rest, depth + 1)} }`;
}

interface PlaceStatements {
  /** Other representations that this one looks at. */
  readonly before: Set<string>;
  readonly place: readonly string[];
}

function placeStatements(
  keys: RepresentationKeys,
  all: readonly RepresentationKeys[],
  schema: GraphQLSchema,
  tables: unknown[],
): PlaceStatements {
  const before = new Set<string>();
  const generation: Generation = { keys, all, schema, tables, before };
  const types = [...keys.required];
  const [only] = types;
  const { position, typeSources } = keys;
  if (only?.[0] === position.typeName && types.length === 1)
    return {
      before,
      place: representationStatements(generation, only[0], only[1], 0, createSources(generation)),
    };
  const typeReads = createSources(generation);
  for (const step of typeSources) typeReads.variableOf(step);
  const cases = types.flatMap(([type, required], number) => [
    `case ${JSON.stringify(type)}: {`,
    ...representationStatements(generation, type, required, number, createSources(generation, typeReads)).map(
      (line) => `  ${line}`,
    ),
    '  return;',
    '}',
  ]);
  return {
    before,
    place: [
      ...typeReads.lines,
      ...typeStatements(position.interfaceObject, typeSources),
      'switch (t) {',
      ...cases,
      'default: throw FAST_PATH_MISMATCH;',
      '}',
    ],
  };
}

interface Generation extends Pick<PlaceStatements, 'before'> {
  readonly keys: RepresentationKeys;
  readonly all: readonly RepresentationKeys[];
  readonly schema: GraphQLSchema;
  readonly tables: unknown[];
}

/** Reads what other fetches brought for the same place, each once. */
interface Sources {
  readonly lines: string[];
  readonly looked: ReadonlySet<number>;
  variableOf(step: { readonly index: number }): string;
}

/** @param above whose variables are there already */
function createSources({ keys: { position }, all, before }: Generation, above?: Sources): Sources {
  const lines: string[] = [];
  const looked = new Set(above?.looked);
  return {
    lines,
    looked,
    variableOf({ index }) {
      const other = all.find(
        ({ position: where, steps }) => where === position && steps.some((step) => step.index === index),
      );
      if (other === undefined) return 'o';
      if (!looked.has(index)) {
        looked.add(index);
        before.add(`represent${String(other.id)}(state);`);
        const pointer = position.mixed
          ? `state.places[${String(other.id)}].get(o)`
          : `state.pointers[${String(other.id)}][pointers.length]`;
        lines.push(`const p${String(index)} = ${pointer};`);
        lines.push(`const a${String(index)} = ${additionExpression(index, `p${String(index)}`)};`);
      }
      return `a${String(index)}`;
    },
  };
}

/** @param number of the type among those that the objects may have: `1` of one type is not `1` of another */
function representationStatements(
  { keys: { position }, schema, tables }: Generation,
  typeName: string,
  { fields, sentAs }: Required,
  number: number,
  { lines, variableOf }: Sources,
): readonly string[] {
  const keep = (pointer: string) =>
    position.mixed ? `places.set(o, ${pointer});` : `pointers.push(${pointer});`;
  if (fields.length === 0) return [keep('-1')];
  const parts: string[] = [];
  const values: string[] = [];
  for (const [index, field] of fields.entries()) {
    const { name, alias = name, selections } = field.node;
    const value = `f${String(index)}`;
    const label = JSON.stringify(`${JSON.stringify(name)}:`);
    const isType = name === '__typename';
    if (isType) parts.push(`${label} + ${JSON.stringify(JSON.stringify(sentAs))}`);
    if (isType && position.typeName !== typeName) continue; // the code is that of this type
    lines.push(...readStatements(value, alias, field.sources.map(variableOf)));
    if (isType) {
      lines.push(`if (${value} !== ${JSON.stringify(typeName)}) throw FAST_PATH_MISMATCH;`);
      continue;
    }
    lines.push(`if (typeof ${value} === 'object' && !isShallow(${value})) throw FAST_PATH_MISMATCH;`);
    if (selections !== undefined) {
      const [schemaAt, selectionsAt] = [refer(tables, schema), refer(tables, selections)];
      lines.push(`${value} = representationValue(${schemaAt}, ${value}, ${selectionsAt});`);
    }
    lines.push(`if (${value} === undefined) { ${keep('-1')} return; }`);
    values.push(value);
    parts.push(`${label} + (typeof ${value} === 'string' ? text(${value}) : JSON.stringify(${value}))`);
  }
  const text = `'{' + ${parts.join(` + ',' + `)} + '}'`;
  return [...lines, ...lookupStatements(fields, values, text, `known${String(number)}`), keep('k')];
}

/** A null of a later fetch does not wipe what an earlier one brought. */
function readStatements(value: string, key: string, [last = 'o', ...earlier]: readonly string[]): string[] {
  return [
    `let ${value} = ${readExpression(last, key)};`,
    ...earlier.map(
      (variable) =>
        `if (${value} == null) { const e = ${readExpression(variable, key)}; if (e !== undefined) ${value} = e; }`,
    ),
  ];
}

function lookupStatements(
  fields: readonly RequiredField[],
  values: readonly string[],
  text: string,
  known: string,
): string[] {
  const [only] = values;
  const single = values.length === 1 && fields.every(({ node }) => node.selections === undefined);
  if (single && only !== undefined)
    return [
      // A map keeps 1 and "1" apart; objects it would compare by identity.
      `if (typeof ${only} === 'object' && ${only} !== null) throw FAST_PATH_MISMATCH;`,
      `let k = ${known}.get(${only});`,
      `if (k === undefined) { k = texts.length; ${known}.set(${only}, k); texts.push(${text}); }`,
    ];
  return [
    `const t = ${text};`,
    `let k = ${known}.get(t);`,
    `if (k === undefined) { k = texts.length; ${known}.set(t, k); texts.push(t); }`,
  ];
}

function refer(tables: unknown[], value: unknown): string {
  const known = tables.indexOf(value);
  return `tables[${String(known === -1 ? tables.push(value) - 1 : known)}]`;
}
