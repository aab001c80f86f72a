import { type GraphQLOutputType, isEnumType, isListType, isNonNullType, isObjectType } from 'graphql';
import type { FieldShape, ObjectShape } from './answer-shape.ts';
import type { Position } from './answer-positions.ts';
import type { FetchStep } from './compile-plan.ts';
import { additionExpression, readExpression } from './read-expression.ts';
import type { RepresentationKeys } from './representation-keys.ts';

interface Writing {
  readonly positions: readonly Position[];
  readonly keys: readonly RepresentationKeys[];
  readonly tables: unknown[];
  readonly functions: string[];
}

/** Code of `write(state)`, which gives the JSON text of `data`; undefined where the answer is not fixed enough. */
export function generateWriter(
  shape: ObjectShape,
  positions: readonly Position[],
  keys: readonly RepresentationKeys[],
  tables: unknown[],
): string | undefined {
  const [root] = positions;
  const writing: Writing = { positions, keys, tables, functions: [] };
  if (root === undefined || !writeObject(writing, shape, root)) return undefined;
  const anchored = positions.filter((position) => keys.some((one) => one.position === position));
  return [
    'const EMPTY = Object.freeze({});',
    'let state;',
    ...anchored.map(({ id }) => `let c${String(id)} = 0;`),
    ...keys.map(({ id }) => `let m${String(id)};`),
    ...writing.functions,
    'function write(given) {',
    '  state = given;',
    ...keys.map(({ id }) => `  m${String(id)} = [];`),
    '  return w0(EMPTY);',
    '}',
  ].join('\n');
}

function writeObject(writing: Writing, shape: ObjectShape, position: Position): boolean {
  const { positions, keys } = writing;
  const here = keys.filter((one) => one.position === position);
  const memo = here.length === 1 && isMemoizable(shape, position) ? here[0] : undefined;
  const lines: string[] = [];
  if (here.length > 0) lines.push(`const j = c${String(position.id)}++;`);
  for (const { id } of here) lines.push(`const k${String(id)} = state.pointers[${String(id)}][j];`);
  if (memo !== undefined) {
    const id = String(memo.id);
    lines.push(`if (k${id} >= 0) { const known = m${id}[k${id}]; if (known !== undefined) return known; }`);
  }
  for (const step of position.additions) {
    const pointer =
      step.requires === undefined ? '0' : `k${String(here.find(({ steps }) => steps.includes(step))?.id)}`;
    lines.push(`const a${String(step.index)} = ${additionExpression(step.index, pointer)};`);
    for (const { id } of positions
      .filter(({ owner }) => owner === step)
      .filter(({ id }) => isAnchored(keys, id)))
      lines.push(`c${String(id)} = ${pointer} < 0 ? 0 : state.offsets[${String(id)}]?.[${pointer}] ?? 0;`);
  }
  if (position.id !== 0) {
    const expected = JSON.stringify(shape.typeName);
    for (const variable of ['o', ...position.additions.map(({ index }) => `a${String(index)}`)])
      lines.push(
        `if (typeof ${variable} !== 'object' || Array.isArray(${variable}) || (${variable}.__typename ?? ${expected}) !== ${expected}) throw MISFIT;`,
      );
  }
  lines.push("let s = '{';");
  for (const [number, field] of shape.fields.entries()) {
    const statements = writeField(writing, shape, position, field, number === 0 ? '' : ',');
    if (statements === undefined) return false;
    lines.push(statements);
  }
  lines.push("s += '}';");
  if (memo !== undefined)
    lines.push(`if (k${String(memo.id)} >= 0) m${String(memo.id)}[k${String(memo.id)}] = s;`);
  lines.push('return s;');
  writing.functions.push(`function w${String(position.id)}(o) {\n  ${lines.join('\n  ')}\n}`);
  return true;
}

function isAnchored(keys: readonly RepresentationKeys[], id: number): boolean {
  return keys.some(({ position }) => position.id === id);
}

/** Whether the text is the same for every place of an entity: all in it is a key, or comes from the entity itself. */
function isMemoizable({ fields }: ObjectShape, position: Position): boolean {
  const [step] = position.additions;
  const required = new Set(
    step?.requires?.flatMap((node) =>
      node.kind === 'InlineFragment'
        ? node.selections.map((field) => (field.kind === 'Field' ? field.name : ''))
        : [],
    ),
  );
  const isAddition = (other: FetchStep | undefined) =>
    other !== undefined && position.additions.includes(other);
  return fields.every(({ dataKey, refused, children, name }) => {
    if (refused || name === '__typename') return true;
    if (children !== undefined) return isAddition(position.children.get(dataKey)?.owner);
    return required.has(dataKey) || (position.leaves.get(dataKey) ?? []).every(isAddition);
  });
}

function writeField(
  writing: Writing,
  shape: ObjectShape,
  position: Position,
  field: FieldShape,
  separator: string,
): string | undefined {
  const label = `${separator}${JSON.stringify(field.key)}:`;
  if (field.refused) return isNonNullType(field.type) ? undefined : `s += ${JSON.stringify(`${label}null`)};`;
  if (field.name === '__typename') return `s += ${JSON.stringify(label + JSON.stringify(shape.typeName))};`;
  if (field.name.startsWith('__')) return undefined;
  const child = position.children.get(field.dataKey);
  const bringing =
    child === undefined ? [...(position.leaves.get(field.dataKey) ?? [])].reverse() : [child.owner];
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
    const inner = writePresent(writing, field, child, type.ofType, variable);
    return inner && `if (${variable} == null) throw MISFIT; ${inner}`;
  }
  const inner = writePresent(writing, field, child, type, variable);
  return inner && `if (${variable} == null) s += 'null'; else { ${inner} }`;
}

function writePresent(
  writing: Writing,
  field: FieldShape,
  child: Position | undefined,
  type: GraphQLOutputType,
  variable: string,
): string | undefined {
  if (isListType(type)) {
    const element = `${variable}e`;
    const inner = writeValue(writing, field, child, type.ofType, element);
    return (
      inner &&
      `if (!Array.isArray(${variable})) throw MISFIT; s += '[';
    for (let ${variable}i = 0; ${variable}i < ${variable}.length; ${variable}i++) { if (${variable}i > 0) s += ','; const ${element} = ${variable}[${variable}i]; ${inner} }
    s += ']';`
    );
  }
  if (field.children === undefined) return writeLeaf(writing, type, variable);
  const below = isObjectType(type) ? field.children.of(type.name) : undefined;
  if (child === undefined || below === undefined || !writeObject(writing, below, child)) return undefined;
  return `s += w${String(child.id)}(${variable});`;
}

function writeLeaf({ tables }: Writing, type: GraphQLOutputType, variable: string): string {
  if (isEnumType(type)) {
    const texts = new Map(type.getValues().map(({ name }) => [name, JSON.stringify(name)]));
    const table = `tables[${String(tables.push(texts) - 1)}]`;
    return `const t = ${table}.get(${variable}); if (t === undefined) throw MISFIT; s += t;`;
  }
  switch (String(type)) {
    case 'Int':
      return `if ((${variable} | 0) !== ${variable}) throw MISFIT; s += ${variable};`;
    case 'Float':
      return `if (!Number.isFinite(${variable})) throw MISFIT; s += ${variable};`;
    case 'String':
      return `if (typeof ${variable} !== 'string') throw MISFIT; s += text(${variable});`;
    case 'ID':
      return `if (typeof ${variable} === 'string') s += text(${variable}); else if (Number.isInteger(${variable})) s += '"' + ${variable} + '"'; else throw MISFIT;`;
    case 'Boolean':
      return `if (typeof ${variable} !== 'boolean') throw MISFIT; s += ${variable};`;
    default:
      return `s += JSON.stringify(${variable});`;
  }
}
