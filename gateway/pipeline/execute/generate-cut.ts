import type { GraphQLSchema } from 'graphql';
import { additionExpression, readExpression } from './read-expression.ts';
import type { RepresentationKeys, RequiredField } from './representation-keys.ts';

/**
 * Code of a function that gathers the places of a position, in the order of the answer, and cuts the representation of
 * each, the same one once.
 *
 * @param tables what the code refers to by index
 */
export function generateCut(
  keys: RepresentationKeys,
  all: readonly RepresentationKeys[],
  schema: GraphQLSchema,
  tables: unknown[],
): string {
  const { id, position } = keys;
  const statements = placeStatements(keys, all, schema, tables);
  return `function cut${String(id)}(state) {
  const done = state.texts[${String(id)}];
  if (done !== undefined) return done;
  ${statements.before.join(' ')}
  const offsets = [], pointers = [], texts = [], known = new Map();
  const place = (o) => {
${statements.place.join('\n')}
  };
  for (const v0 of state.layers[${String(position.owner?.index)}]) {
    offsets.push(pointers.length);
    if (v0 == null) continue;
    ${descend(position.way, 0)}
  }
  state.offsets[${String(position.id)}] = offsets;
  state.pointers[${String(id)}] = pointers;
  return (state.texts[${String(id)}] = texts);
}`;
}

function descend(way: readonly (string | null)[], depth: number): string {
  const [step, ...rest] = way;
  const here = `v${String(depth)}`;
  const next = `v${String(depth + 1)}`;
  if (step === null)
    return `if (!Array.isArray(${here})) throw MISFIT;
    for (const ${next} of ${here}) { if (${next} == null) continue; ${descend(rest, depth + 1)} }`;
  const mustBeObject = `if (typeof ${here} !== 'object' || Array.isArray(${here})) throw MISFIT;`;
  if (step === undefined) return `${mustBeObject} place(${here});`;
  return `${mustBeObject} const ${next} = ${readExpression(here, step)};
    if (${next} != null) { ${descend(rest, depth + 1)} }`;
}

function placeStatements(
  { position, fields }: RepresentationKeys,
  all: readonly RepresentationKeys[],
  schema: GraphQLSchema,
  tables: unknown[],
): { readonly before: readonly string[]; readonly place: readonly string[] } {
  const lines: string[] = [];
  const before: string[] = [];
  const looked = new Set<number>();
  const sourceVariable = (step: { readonly index: number }): string => {
    const other = all.find(
      ({ position: where, steps }) => where === position && steps.some(({ index }) => index === step.index),
    );
    if (other === undefined) return 'o';
    if (!looked.has(step.index)) {
      looked.add(step.index);
      before.push(`cut${String(other.id)}(state);`);
      const pointer = `state.pointers[${String(other.id)}][pointers.length]`;
      lines.push(`const p${String(step.index)} = ${pointer};`);
      lines.push(
        `const a${String(step.index)} = ${additionExpression(step.index, `p${String(step.index)}`)};`,
      );
    }
    return `a${String(step.index)}`;
  };
  const parts: string[] = [];
  const values: string[] = [];
  for (const [number, field] of fields.entries()) {
    const { name, alias = name, selections } = field.node;
    const value = `f${String(number)}`;
    const variables = field.sources.map(sourceVariable);
    lines.push(...readStatements(value, alias, variables));
    const label = JSON.stringify(`${JSON.stringify(name)}:`);
    if (name === '__typename') {
      const typeName = JSON.stringify(position.typeName);
      lines.push(`if (${value} !== ${typeName}) throw MISFIT;`);
      parts.push(`${label} + ${JSON.stringify(typeName)}`);
      continue;
    }
    if (selections !== undefined) {
      const [schemaAt, selectionsAt] = [refer(tables, schema), refer(tables, selections)];
      lines.push(`${value} = cutValue(${schemaAt}, ${value}, ${selectionsAt});`);
    }
    lines.push(`if (${value} === undefined) { pointers.push(-1); return; }`);
    values.push(value);
    parts.push(`${label} + (typeof ${value} === 'string' ? text(${value}) : JSON.stringify(${value}))`);
  }
  lines.push(
    ...lookupStatements(fields, values, `'{' + ${parts.join(` + ',' + `)} + '}'`),
    'pointers.push(k);',
  );
  return { before, place: lines.map((line) => `    ${line}`) };
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
): string[] {
  const [only] = values;
  const single = values.length === 1 && fields.every(({ node }) => node.selections === undefined);
  if (single && only !== undefined)
    return [
      // A map keeps 1 and "1" apart; objects it would tell apart by identity.
      `if (typeof ${only} === 'object' && ${only} !== null) throw MISFIT;`,
      `let k = known.get(${only});`,
      `if (k === undefined) { k = texts.length; known.set(${only}, k); texts.push(${text}); }`,
    ];
  return [
    `const t = ${text};`,
    `let k = known.get(t);`,
    `if (k === undefined) { k = texts.length; known.set(t, k); texts.push(t); }`,
  ];
}

function refer(tables: unknown[], value: unknown): string {
  const known = tables.indexOf(value);
  return `tables[${String(known === -1 ? tables.push(value) - 1 : known)}]`;
}
