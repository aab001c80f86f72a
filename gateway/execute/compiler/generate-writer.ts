/** Execute, compiler, code generation: the function that writes the JSON text of the answer. */

import {
  type GraphQLOutputType,
  type GraphQLSchema,
  isAbstractType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { MAX_RESPONSE_CHARACTERS, MAX_RESPONSE_OBJECTS } from '../shared/response-size.ts';
import type { CompositeShape, FieldShape, ObjectShape } from '../shared/response-shape.ts';
import type { Position, Variant } from './answer-positions.ts';
import type { FetchStep } from '../shared/plan-steps.ts';
import { additionStatements, countedPositions, pointerStatements } from './fetched-objects.ts';
import { readExpression, typeStatements } from './read-expression.ts';
import { type RepresentationKeys, typeSourcesOf } from './representation-keys.ts';
import { writeLeaf } from './write-leaf.ts';

interface Writing {
  /** The whole supergraph: what it has beyond the API schema is hidden. */
  readonly schema: GraphQLSchema;
  readonly positions: readonly Position[];
  readonly keys: readonly RepresentationKeys[];
  readonly tables: unknown[];
  /** The functions' names by their code: what is written alike for several types is one function. */
  readonly functions: Map<string, string>;
  /** How many objects may yet be written out. */
  left: number;
}

/** Types within types multiply: beyond these, and one for each position, the interpreter is cheaper than generating. */
const MOST_OBJECTS = 256;
/** A placeholder in a function's code, which no name contains: the list in which it keeps the texts that it has written. */
const MEMO = '#memo';
/** The same for how many objects and lists are in each of the texts. */
const MADE = '#made';
/** Ends the program where the text in `s`, or all texts together, have become too large. */
const CHECK_SIZE = `if (s.length > ${String(MAX_RESPONSE_CHARACTERS)} || made > ${String(MAX_RESPONSE_OBJECTS)}) refuseResponseSize();`;

/** Code of `write(state)`, which gives the JSON text of `data`; undefined where the answer is not fixed enough. */
export function generateWriter(
  schema: GraphQLSchema,
  shape: ObjectShape,
  positions: readonly Position[],
  keys: readonly RepresentationKeys[],
  tables: unknown[],
): string | undefined {
  const [root] = positions;
  const writing: Writing = {
    schema,
    positions,
    keys,
    tables,
    functions: new Map(),
    left: MOST_OBJECTS + positions.length,
  };
  const writeRoot = root && writeObject(writing, shape, root);
  if (writeRoot === undefined) return undefined;
  const counted = countedPositions(positions, keys);
  const memos = [...writing.functions].flatMap(([code, name]) =>
    code.includes(MEMO) ? [`m${name}`, `n${name}`] : [],
  );
  return [
    'const EMPTY = Object.freeze({});',
    'let state;',
    'let made = 0;',
    ...counted.map(({ id }) => `let c${String(id)} = 0;`),
    ...memos.map((name) => `let ${name};`),
    ...[...writing.functions].map(
      ([code, name]) =>
        `function ${name}(o) {\n  ${code.replaceAll(MEMO, `m${name}`).replaceAll(MADE, `n${name}`)}\n}`,
    ),
    'function write(given) {',
    '  state = given;',
    '  made = 0;',
    ...memos.map((name) => `  ${name} = [];`),
    `  return ${writeRoot}(EMPTY);`,
    '}',
  ].join('\n');
}

/** @returns the name of a function that gives the text of an object; undefined where it is not fixed enough */
function writeObject(writing: Writing, shape: ObjectShape, position: Position): string | undefined {
  const { keys } = writing;
  const variant = position.variants.get(shape.typeName);
  if (variant === undefined || writing.left-- <= 0) return undefined;
  const here = keys.filter((one) => one.position === position);
  const [single] = here.length === 1 ? here.filter((one) => isMemoizable(shape, position, variant, one)) : [];
  const memo = single && `k${String(single.id)}`;
  const lines = pointerStatements(position, here);
  if (memo !== undefined)
    lines.push(
      `if (${memo} >= 0) { const known = ${MEMO}[${memo}]; if (known !== undefined) { made += ${MADE}[${memo}]; return known; } }`,
    );
  lines.push(...additionStatements(writing, position, here));
  if (position.id !== 0) {
    const expected = JSON.stringify(shape.typeName);
    for (const variable of ['o', ...position.additions.map(({ index }) => `a${String(index)}`)]) {
      const typeName = `(${variable}.__typename ?? ${expected})`;
      const other = variant.names.map((name) => `${typeName} !== ${JSON.stringify(name)}`).join(' && ');
      lines.push(
        `if (typeof ${variable} !== 'object' || Array.isArray(${variable}) || (${other})) throw FAST_PATH_MISMATCH;`,
      );
    }
  }
  lines.push(memo === undefined ? 'made++;' : 'const before = made++;', "let s = '{';");
  for (const [number, field] of shape.fields.entries()) {
    const statements = writeField(writing, shape, { position, variant }, field, number === 0 ? '' : ',');
    if (statements === undefined) return undefined;
    lines.push(statements);
  }
  lines.push(`s += '}'; ${CHECK_SIZE}`);
  if (memo !== undefined)
    lines.push(`if (${memo} >= 0) { ${MEMO}[${memo}] = s; ${MADE}[${memo}] = made - before; }`);
  lines.push('return s;');
  return nameOf(writing, lines.join('\n  '));
}

/**
 * Writes an object by the type that it says it is of; one of a type that clients may not know is null.
 *
 * @param nullable whether null may be here
 */
function writeAbstract(
  writing: Writing,
  composite: CompositeShape,
  position: Position,
  nullable: boolean,
): string | undefined {
  const cases: string[] = [];
  for (const type of position.variants.keys()) {
    const shape = composite.forType(type);
    if (shape === undefined) {
      const isHidden = nullable && type !== position.interfaceObject;
      if (isHidden) cases.push(`case ${JSON.stringify(type)}: return 'null';`);
      continue;
    }
    const write = writeObject(writing, shape, position);
    if (writing.left < 0) return undefined;
    if (write === undefined) continue; // the plan brings nothing for it: its subgraph has no such objects here
    cases.push(`case ${JSON.stringify(type)}: return ${write}(o);`);
  }
  const typeSources = typeSourcesOf(position);
  const here = typeSources.length === 0 ? [] : writing.keys.filter((one) => one.position === position);
  const lines = [
    ...pointerStatements(position, here),
    ...(typeSources.length === 0 ? [] : additionStatements(writing, position, here)),
    ...typeStatements(position.interfaceObject, typeSources),
    `switch (t) { ${cases.join(' ')} default: throw FAST_PATH_MISMATCH; }`,
  ];
  return nameOf(writing, lines.join('\n  '));
}

function nameOf({ functions }: Writing, code: string): string {
  const known = functions.get(code) ?? `w${String(functions.size)}`;
  functions.set(code, known);
  return known;
}

/** Whether the text is the same for every place of an entity: all in it is a key, or comes from the entity itself. */
function isMemoizable(
  { fields, typeName }: ObjectShape,
  { additions }: Position,
  { leaves, children }: Variant,
  keys: RepresentationKeys,
): boolean {
  const required = new Set(
    keys.required.get(typeName)?.fields.map(({ node: { name, alias = name } }) => alias),
  );
  const isAddition = (other: FetchStep | undefined) => other !== undefined && additions.includes(other);
  return fields.every(({ dataKey, refused, children: below, name }) => {
    if (refused || name === '__typename') return true;
    if (below !== undefined) return isAddition(children.get(dataKey)?.owner);
    return required.has(dataKey) || (leaves.get(dataKey) ?? []).every(isAddition);
  });
}

function writeField(
  writing: Writing,
  shape: ObjectShape,
  { position, variant }: { readonly position: Position; readonly variant: Variant },
  field: FieldShape,
  separator: string,
): string | undefined {
  const label = `${separator}${JSON.stringify(field.key)}:`;
  if (field.refused) return isNonNullType(field.type) ? undefined : `s += ${JSON.stringify(`${label}null`)};`;
  if (field.name === '__typename') return `s += ${JSON.stringify(label + JSON.stringify(shape.typeName))};`;
  if (field.name.startsWith('__')) return undefined;
  const child = variant.children.get(field.dataKey);
  const bringing =
    child === undefined ? [...(variant.leaves.get(field.dataKey) ?? [])].reverse() : [child.owner];
  if (bringing.length === 0) return undefined;
  const reads = bringing.map((step) => {
    const added = step !== undefined && position.additions.includes(step);
    return readExpression(added ? `a${String(step.index)}` : 'o', field.dataKey);
  });
  const value = writeValue(writing, field, child, field.type, 'v');
  return value && `{ const v = ${reads.join(' ?? ')}; s += ${JSON.stringify(label)}; ${value} }`;
}

function writeValue(
  writing: Writing,
  field: FieldShape,
  child: Position | undefined,
  type: GraphQLOutputType,
  variable: string,
): string | undefined {
  if (isNonNullType(type)) {
    const inner = writePresent(writing, field, child, type.ofType, { variable, nullable: false });
    return inner && `if (${variable} == null) throw FAST_PATH_MISMATCH; ${inner}`;
  }
  const inner = writePresent(writing, field, child, type, { variable, nullable: true });
  return inner && `if (${variable} == null) s += 'null'; else { ${inner} }`;
}

function writePresent(
  writing: Writing,
  field: FieldShape,
  child: Position | undefined,
  type: GraphQLOutputType,
  { variable, nullable }: { readonly variable: string; readonly nullable: boolean },
): string | undefined {
  if (isListType(type)) {
    const element = `${variable}e`;
    const inner = writeValue(writing, field, child, type.ofType, element);
    return (
      inner &&
      `if (!Array.isArray(${variable})) throw FAST_PATH_MISMATCH; made++; s += '[';
    for (let ${variable}i = 0; ${variable}i < ${variable}.length; ${variable}i++) { if (${variable}i > 0) s += ','; const ${element} = ${variable}[${variable}i]; ${inner} ${CHECK_SIZE} }
    s += ']';`
    );
  }
  if (field.children === undefined) return writeLeaf(writing, type, variable, nullable);
  if (child === undefined) return undefined;
  const below = isObjectType(type) ? field.children.forType(type.name) : undefined;
  const write = isAbstractType(type)
    ? writeAbstract(writing, field.children, child, nullable)
    : below && writeObject(writing, below, child);
  return write && `s += ${write}(${variable});`;
}
