/** Execute, compiler, code generation: statements that write scalars and enums. */

import { type GraphQLEnumType, type GraphQLOutputType, type GraphQLSchema, isEnumType } from 'graphql';

/** What is written for each value of an enum: null, where it may be, for those that clients may not know. */
function enumTexts(
  schema: GraphQLSchema,
  type: GraphQLEnumType,
  nullable: boolean,
): ReadonlyMap<string, string> {
  const whole = schema.getType(type.name);
  const hidden = nullable && isEnumType(whole) ? whole.getValues() : [];
  return new Map([
    ...hidden.map(({ name }) => [name, 'null'] as const),
    ...type.getValues().map(({ name }) => [name, JSON.stringify(name)] as const),
  ]);
}

/**
 * Statements that add the text of a leaf which is not null. A value that is not as its type has it is a fast path mismatch.
 *
 * @param tables of the program; an enum's texts are added to them
 * @param variable holds the value
 * @param nullable whether null may be here
 */
export function writeLeaf(
  { schema, tables }: { readonly schema: GraphQLSchema; readonly tables: unknown[] },
  type: GraphQLOutputType,
  variable: string,
  nullable: boolean,
): string {
  if (isEnumType(type)) {
    const table = `tables[${String(tables.push(enumTexts(schema, type, nullable)) - 1)}]`;
    return `const t = ${table}.get(${variable}); if (t === undefined) throw FAST_PATH_MISMATCH; s += t;`;
  }
  switch (String(type)) {
    case 'Int':
      return `if ((${variable} | 0) !== ${variable}) throw FAST_PATH_MISMATCH; s += ${variable};`;
    case 'Float':
      return `if (!Number.isFinite(${variable})) throw FAST_PATH_MISMATCH; s += ${variable};`;
    case 'String':
      return `if (typeof ${variable} !== 'string') throw FAST_PATH_MISMATCH; s += text(${variable});`;
    case 'ID':
      return `if (typeof ${variable} === 'string') s += text(${variable}); else if (Number.isInteger(${variable})) s += '"' + ${variable} + '"'; else throw FAST_PATH_MISMATCH;`;
    case 'Boolean':
      return `if (typeof ${variable} !== 'boolean') throw FAST_PATH_MISMATCH; s += ${variable};`;
    default:
      return `if (!isShallow(${variable})) throw FAST_PATH_MISMATCH; s += JSON.stringify(${variable});`;
  }
}
